// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The ivshmem Port of a process in a Linux guest: /dev/hawserN of the module hawser_ivshmem.
#pragma once

#include <hawser/process/owned_fd.hpp>

#include <hawser/ivshmem/client/wait_place.hpp>
#include <hawser/ivshmem/port.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hawser::process {

/// Has the window from construction to destruction; the kernel's own end stands aside meanwhile, and is back afterwards
/// however this process ends. A function that is taken away (unbound, unplugged) takes the memory with it: SIGBUS.
class GuestPort {
 public:
  /// @throws std::runtime_error in one sentence: no such window, in use, not one of ours.
  explicit GuestPort(const std::string& path);
  ~GuestPort();
  GuestPort(const GuestPort&) = delete;
  GuestPort& operator=(const GuestPort&) = delete;

  // The Port concept.
  std::span<std::byte> memory() const { return memory_; }
  std::uint16_t own_id() const { return own_id_; }
  std::uint16_t vectors() const { return vectors_; }
  void ring(std::uint16_t id, std::uint16_t vector);
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

  /// How the processor caches the window here: false is correct, and slow.
  bool write_back() const { return write_back_; }

 private:
  OwnedFd window_;
  OwnedFd doorbell_;  // all vectors ring the same: whoever waits, waits for any
  ivshmem::WaitPlace place_;
  std::span<std::byte> memory_;
  std::uint16_t own_id_ = 0;
  std::uint16_t vectors_ = 1;
  bool write_back_ = false;
};

static_assert(ivshmem::Port<GuestPort>);

/// What to say of a window that is not write_back().
std::string slow_memory(const std::string& path);

}  // namespace hawser::process
