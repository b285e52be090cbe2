// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/xen_port.hpp>

#include "raise.hpp"

#include <hawser/argo/spec.hpp>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <uapi/hawser/argo.h>

#include <cerrno>
#include <cstring>

namespace hawser::process {
namespace {

OwnedFd open_device(const std::string& path) {
  OwnedFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (fd.get() >= 0) return fd;
  if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
    raise("no device {}: is this a domain of Xen, and the module loaded (modprobe hawser_argo)?", path);
  raise("the device {} cannot be opened: {}", path, std::strerror(errno));
}

std::uint64_t address(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

}  // namespace

XenPort::XenPort(const std::string& path, std::size_t bytes)
    : device_(open_device(path)), signal_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  hawser_argo_user_info info{};
  if (::ioctl(device_.get(), HAWSER_ARGO_USER_INFO, &info) != 0 || info.version != HAWSER_ARGO_USER_VERSION)
    raise("{} is not Argo of version {} of the module hawser_argo", path, HAWSER_ARGO_USER_VERSION);
  std::int32_t fd = signal_.get();
  if (fd < 0) raise("no descriptor left to wait on: {}", std::strerror(errno));
  if (::ioctl(device_.get(), HAWSER_ARGO_USER_BELL, &fd) != 0)
    raise("the signals of {} cannot be had: {}", path, std::strerror(errno));
  wait_place().add_kernels_doorbell(fd);
  if (!map(device_.get(), 0, bytes))
    raise("{} has no memory for rings and buffers: {}", path, std::strerror(errno));
}

std::uint64_t XenPort::frame(const std::byte* page) const {
  return static_cast<std::uint64_t>(page - memory().data()) / argo::kPageBytes;
}

std::int64_t XenPort::hypercall(argo::Command command, void* arg1, void* arg2, std::uint32_t arg3,
                                std::uint32_t arg4) {
  hawser_argo_user_call call{.op = static_cast<std::uint32_t>(command),
                             .result = 0,
                             .base = address(memory().data()),
                             .arg1 = address(arg1),
                             .arg2 = address(arg2),
                             .arg3 = arg3,
                             .arg4 = arg4};
  if (::ioctl(device_.get(), HAWSER_ARGO_USER_CALL, &call) != 0) return -EFAULT;
  return call.result;
}

}  // namespace hawser::process
