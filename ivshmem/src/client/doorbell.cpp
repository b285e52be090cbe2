// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "doorbell.hpp"

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace hawser::ivshmem {

void ring_doorbell(int fd) {
  // Linux has no write to an eventfd that cannot block whatever its flags, so look first. What is left is the
  // instant between look and write, for somebody who fills the counter just then, of a file made blocking.
  pollfd p{fd, POLLOUT, 0};
  if (::poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0) return;
  const std::uint64_t one = 1;
  while (::write(fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void drain_doorbell(int fd) {
  std::uint64_t count = 0;
  iovec part{&count, sizeof count};
  if (::preadv2(fd, &part, 1, -1, RWF_NOWAIT) >= 0 || errno != EOPNOTSUPP) return;
  pollfd p{fd, POLLIN, 0};  // kernels before 5.8
  if (::poll(&p, 1, 0) == 1) (void)!::read(fd, &count, sizeof count);
}

}  // namespace hawser::ivshmem
