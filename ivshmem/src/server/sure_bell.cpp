// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "sure_bell.hpp"

#include "../client/doorbell.hpp"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace hawser::ivshmem {
namespace {

constexpr long kRoom = 64;

}  // namespace

SureBell::SureBell() : null_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  if (!null_ || ::syscall(SYS_io_setup, kRoom, &context_) != 0) context_ = 0;
}

SureBell::~SureBell() {
  if (context_ != 0) ::syscall(SYS_io_destroy, context_);
}

void SureBell::ring(int eventfd) {
  if (context_ == 0) return ring_doorbell(eventfd);
  char byte = 0;
  iocb request{};
  request.aio_lio_opcode = IOCB_CMD_PREAD;
  request.aio_fildes = static_cast<std::uint32_t>(null_.raw());
  request.aio_buf = reinterpret_cast<std::uintptr_t>(&byte);
  request.aio_nbytes = 1;
  request.aio_flags = IOCB_FLAG_RESFD;
  request.aio_resfd = static_cast<std::uint32_t>(eventfd);
  std::array<iocb*, 1> list = {&request};
  // A read of /dev/null is over when io_submit returns.
  if (::syscall(SYS_io_submit, context_, 1L, list.data()) != 1) return ring_doorbell(eventfd);
  std::array<io_event, 1> events;
  ::syscall(SYS_io_getevents, context_, 0L, 1L, events.data(), nullptr);
}

}  // namespace hawser::ivshmem
