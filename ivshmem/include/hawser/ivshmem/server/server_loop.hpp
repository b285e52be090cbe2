// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a server does until it is told to stop: waits for descriptors, which have tokens, and minds its control.
#pragma once

#include <hawser/ivshmem/server/control.hpp>
#include <hawser/ivshmem/server/fd.hpp>
#include <hawser/transport/time.hpp>

#include <cstdint>
#include <functional>

namespace hawser::ivshmem {

/// As many descriptors as this process may have. @return so many.
std::uint64_t raise_descriptor_limit();

class ServerLoop {
 public:
  static constexpr std::uint64_t kFirstToken = 2;  ///< Those below are the loop's own.

  /// @throws Error
  ServerLoop();

  /// @throws Error if the kernel does not take it.
  void watch(int fd, std::uint32_t events, std::uint64_t token) const;
  /// Of a descriptor that is watched already, events and token change, which the kernel never refuses: who wants a pause from
  /// one watches it for no events, and not unwatch(). False: the kernel does not take it.
  [[nodiscard]] bool try_watch(int fd, std::uint32_t events, std::uint64_t token) const;
  void unwatch(int fd) const;

  struct Turn {
    std::function<int(Instant now)>
        timeout;  ///< Milliseconds to wait at most; −1: as long as nothing happens.
    std::function<void(std::uint64_t token, Instant now)> ready;
    std::function<void(Instant now)> after;  ///< Once all that was ready has been told.
    std::function<void()> reload;            ///< The control asked for it.
  };
  /// Until the control says stop.
  void run(ServerControl& control, const Turn& turn) const;

 private:
  UniqueFd epoll_;
};

}  // namespace hawser::ivshmem
