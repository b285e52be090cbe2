// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Rings eventfds that somebody hostile holds too.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>

#include <cstdint>

namespace hawser::ivshmem {

/// write() to an eventfd blocks when another holder of it has cleared O_NONBLOCK and filled the counter. The kernel's own
/// way to signal one, at the end of an asynchronous read, never does: so that is what rings here. Where the system has no
/// asynchronous I/O, ring_doorbell() stands in.
class SureBell {
 public:
  SureBell();
  ~SureBell();
  SureBell(const SureBell&) = delete;
  SureBell& operator=(const SureBell&) = delete;

  void ring(int eventfd);
  /// Whether it never blocks at all.
  bool sure() const { return context_ != 0; }

 private:
  unsigned long context_ = 0;
  UniqueFd null_;
};

}  // namespace hawser::ivshmem
