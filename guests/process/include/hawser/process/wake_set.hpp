// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Descriptors behind one descriptor: what a backend waits for, whatever that is at the moment.
#pragma once

#include <hawser/process/owned_fd.hpp>

#include <cstdint>

namespace hawser::process {

/// An epoll set. Its own descriptor is readable while one of its members is ready, so it can stand in any poll().
class WakeSet {
 public:
  /// Throws std::system_error.
  WakeSet();

  int fd() const { return set_.get(); }

  /// Wakes for `events` (EPOLLIN, EPOLLOUT) of `member` from now on; for none of them, not even for its hang-up.
  void watch(int member, std::uint32_t events);
  void forget(int member);

 private:
  OwnedFd set_;
};

}  // namespace hawser::process
