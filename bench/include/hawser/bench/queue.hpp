// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// `hawser bench queue`: how fast the rings are on this machine, beside the limits of this machine.
#pragma once

#include <string>

namespace hawser::bench {

struct QueueOptions {
  bool json = false;

  /// Every figure is the median of this many short runs, taken in turns so that whatever changes hits all alike. Runs
  /// in which a core was taken away do not count; on a machine so busy that it would take long, fewer do.
  unsigned rounds = 101;

  /// Which of the ring features are on: any of "event", "order", separated by commas. Empty: none.
  std::string features;

  /// Descriptors of each queue; a power of two, 64 or more.
  unsigned size = 256;
};

/// Measures and prints to standard output. 0; or 1 after one sentence on standard error.
int run_queue_bench(const QueueOptions& options);

}  // namespace hawser::bench
