// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/guest_port.hpp>

#include "raise.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <uapi/hawser/window.h>

#include <cerrno>
#include <cstring>

namespace hawser::process {
namespace {

OwnedFd open_window(const std::string& path) {
  OwnedFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (fd.get() >= 0) return fd;
  switch (errno) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
      raise(
          "no window {}: is the module loaded (modprobe hawser_ivshmem) and an ivshmem-doorbell device "
          "there?",
          path);
    case EBUSY:
      raise(
          "the window {} is in use: by another process, or by this kernel's own drivers of devices that "
          "another "
          "party serves",
          path);
    default:
      raise("the window {} cannot be opened: {}", path, std::strerror(errno));
  }
}

}  // namespace

GuestPort::GuestPort(const std::string& path)
    : path_(path), window_(open_window(path)), doorbell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  hawser_window_info info{};
  if (::ioctl(window_.get(), HAWSER_WINDOW_INFO, &info) != 0 || info.version != HAWSER_WINDOW_VERSION)
    raise("{} is not a window of version {} of the module hawser_ivshmem", path, HAWSER_WINDOW_VERSION);
  own_id_ = info.own_id;
  vectors_ = info.vectors;
  write_back_ = info.memory_type == HAWSER_MEMORY_WRITE_BACK;

  if (doorbell_.get() < 0) raise("no descriptor left to wait on: {}", std::strerror(errno));
  for (std::uint32_t vector = 0; vector < info.interrupts; ++vector) {
    const hawser_window_bell bell{vector, doorbell_.get()};
    if (::ioctl(window_.get(), HAWSER_WINDOW_BELL, &bell) != 0)
      raise("the doorbells of {} cannot be had: {}", path, std::strerror(errno));
  }
  wait_place().add_kernels_doorbell(doorbell_.get());

  if (!map(window_.get(), 0, info.bytes))
    raise("the memory of {} cannot be mapped: {}", path, std::strerror(errno));
}

void GuestPort::ring(std::uint16_t id, std::uint16_t vector) {
  // The kernel orders what was stored before.
  (void)::ioctl(window_.get(), HAWSER_WINDOW_RING, static_cast<unsigned long>(id) << 16 | vector);
}

std::string GuestPort::memory_note() const {
  if (write_back_) return {};
  return fmt::format(
      "the memory of {} is mapped uncached, which is slow on some hosts: guests/linux/kmod/README.md", path_);
}

}  // namespace hawser::process
