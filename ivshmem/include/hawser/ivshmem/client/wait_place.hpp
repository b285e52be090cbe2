// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Where a process's port waits: for doorbells, for whatever else the embedder's loop cares about, and until somebody
// cancels it.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace hawser::ivshmem {

class WaitPlace {
 public:
  /// @throws Error if there is no descriptor left.
  WaitPlace();
  WaitPlace(const WaitPlace&) = delete;
  WaitPlace& operator=(const WaitPlace&) = delete;

  /// An eventfd on which the port is rung. Others may hold it too; it is emptied without blocking, whatever its flags.
  void add_doorbell(int fd);
  /// One that only this kernel rings, so that nobody can fill its counter: each ring wakes once, and emptying it, which
  /// would be one more system call for each, is left out.
  void add_kernels_doorbell(int fd);
  /// Where the port's server speaks: wait() returns, and server_spoke() says so.
  void add_server(int fd);

  Wake wait(Instant deadline);
  bool server_spoke() const { return server_spoke_; }

  /// From any thread or a signal handler. Every wait() from then on returns kCancelled, until resume().
  void cancel() noexcept;
  void resume();

  enum Interest : std::uint8_t {
    kReadable = 1,
    kWritable = 2,
    kChanges = 4  ///< With the others: once for each time it becomes ready, or gets more (edge-triggered).
  };
  /// wait() also ends when `fd` is ready; ready() then lists `token`. It goes on ending as long as `fd` is ready, unless
  /// kChanges was asked for. Calling it again for the same descriptor changes token and interest.
  /// @throws Error if the kernel cannot watch it (a regular file).
  void watch(int fd, std::uint32_t token, int interest = kReadable);
  /// Before `fd` is closed. No effect if it is not watched.
  void unwatch(int fd) noexcept;
  /// What made the last wait() return, out of the watched descriptors.
  std::span<const std::uint32_t> ready() const { return ready_; }

 private:
  void add(int fd, std::uint64_t token, std::uint32_t how = 0);
  int sleep(void* events, int room, Instant deadline);

  UniqueFd epoll_;
  UniqueFd cancel_;
  bool server_spoke_ = false;
  std::vector<std::uint32_t> ready_;
};

}  // namespace hawser::ivshmem
