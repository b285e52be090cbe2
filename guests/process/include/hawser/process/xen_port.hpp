// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The Argo Port of a process in a Linux domain of Xen: /dev/hawser_argo of the module hawser_argo.
#pragma once

#include <hawser/process/owned_fd.hpp>

#include <hawser/argo/port.hpp>
#include <hawser/ivshmem/client/wait_place.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hawser::process {

/// The module unregisters the rings of whoever ends, however it ends.
class XenPort {
 public:
  static constexpr std::size_t kDefaultBytes = 16u << 20;

  /// @throws std::runtime_error in one sentence: no such device, not one of ours.
  explicit XenPort(const std::string& path, std::size_t bytes = kDefaultBytes);
  ~XenPort();
  XenPort(const XenPort&) = delete;
  XenPort& operator=(const XenPort&) = delete;

  // The Port concept.
  std::span<std::byte> memory() const { return memory_; }
  std::uint64_t frame(const std::byte* page) const;
  std::int64_t hypercall(argo::Command command, void* arg1, void* arg2, std::uint32_t arg3,
                         std::uint32_t arg4);
  /// The signal ends a wait and is gone with it, so there always may be something.
  bool take_signal() { return true; }
  Wake wait(Instant deadline) { return place_.wait(deadline); }
  Instant now() const;

  /// As ivshmem::WaitPlace says.
  void cancel() noexcept { place_.cancel(); }
  void watch(int fd, std::uint32_t token, int interest = ivshmem::WaitPlace::kReadable) {
    place_.watch(fd, token, interest);
  }
  void unwatch(int fd) noexcept { place_.unwatch(fd); }
  std::span<const std::uint32_t> ready() const { return place_.ready(); }
  ivshmem::WaitPlace& wait_place() { return place_; }

 private:
  OwnedFd device_;
  OwnedFd signal_;
  ivshmem::WaitPlace place_;
  std::span<std::byte> memory_;
};

static_assert(argo::Port<XenPort>);

}  // namespace hawser::process
