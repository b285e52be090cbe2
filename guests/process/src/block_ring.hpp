// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// An io_uring for one file.
#pragma once

#include "block_job.hpp"

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <optional>

namespace hawser::process {

class BlockRing {
 public:
  struct Completion {
    std::uint32_t job = 0;
    int result = 0;
  };

  /// Nothing, and why in `error` (an errno), where the kernel or a sandbox does not allow it or it can't do what is
  /// needed.
  static std::unique_ptr<BlockRing> open(unsigned depth, int& error);
  ~BlockRing();
  BlockRing(const BlockRing&) = delete;
  BlockRing& operator=(const BlockRing&) = delete;

  /// Readable while there are completions.
  int wake_fd() const { return ring_.ring_fd; }

  /// Queues a call; at most one of each job, and no more jobs than `depth`. Begun by go().
  void add(int file, const BlockCall& call, std::uint32_t job);
  void go();
  std::optional<Completion> take();
  /// Waits for one.
  Completion wait();

 private:
  BlockRing() = default;

  io_uring ring_{};
};

}  // namespace hawser::process
