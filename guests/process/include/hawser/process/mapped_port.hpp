// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the ports of a process in a Linux guest have in common: memory that a device file maps, and a place to wait.
#pragma once

#include <hawser/ivshmem/client/wait_place.hpp>
#include <hawser/ivshmem/server/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::process {

class MappedPort {
 public:
  MappedPort(const MappedPort&) = delete;
  MappedPort& operator=(const MappedPort&) = delete;

  std::span<std::byte> memory() const { return memory_; }
  Wake wait(Instant deadline) { return place_.wait(deadline); }
  Instant now() const { return ivshmem::monotonic_now(); }

  /// As ivshmem::WaitPlace says.
  void cancel() noexcept { place_.cancel(); }
  void watch(int fd, std::uint32_t token, int interest = ivshmem::WaitPlace::kReadable) {
    place_.watch(fd, token, interest);
  }
  void unwatch(int fd) noexcept { place_.unwatch(fd); }
  std::span<const std::uint32_t> ready() const { return place_.ready(); }
  ivshmem::WaitPlace& wait_place() { return place_; }

 protected:
  MappedPort() = default;
  ~MappedPort();
  /// Once. False: errno says why not.
  [[nodiscard]] bool map(int fd, std::uint64_t offset, std::uint64_t bytes);

 private:
  ivshmem::WaitPlace place_;
  std::span<std::byte> memory_;
};

}  // namespace hawser::process
