// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two threads, each nailed to a core of its own: one measures, the other answers.
#pragma once

#include <hawser/transport/order.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace hawser::bench {

/// Two processors that this process may run on.
struct Cores {
  int measuring = 0;
  int answering = 0;
};

/// Nothing when there are not two.
std::optional<Cores> two_cores();

/// Polls until something happens, but not for ever: a side that has waited for most of a millisecond knows that the
/// other was taken off its core, and ends the run for both.
class Patience {
 public:
  explicit Patience(std::atomic<bool>& over) : over_(over) {}

  /// Between two looks. False: the run is over.
  bool wait() {
    spin_hint();
    if ((++idle_ & 1023) != 0) return true;
    if (idle_ >= kEnough) over_.store(true, std::memory_order_relaxed);
    return !over_.load(std::memory_order_relaxed);
  }
  /// Something happened.
  void reset() { idle_ = 0; }

 private:
  static constexpr unsigned kEnough = 32 * 1024;
  std::atomic<bool>& over_;
  unsigned idle_ = 0;
};

/// How long a run took, and whether either thread was taken off its core meanwhile: then the time says more about
/// the rest of the machine than about what ran.
struct Timing {
  std::uint64_t ns = 0;
  bool disturbed = false;
};

/// Runs `answer` on one core and `measure` on the other, lets both start together, and times `measure`. Both are
/// called once.
using Part = std::function<void(Patience&)>;
Timing timed_pair(Cores cores, const Part& measure, const Part& answer);

/// One figure from one run: nanoseconds a unit.
struct Sample {
  double ns = 0;
  bool disturbed = false;
};
inline Sample per_unit(Timing timing, unsigned units) {
  return {static_cast<double>(timing.ns) / units, timing.disturbed};
}

}  // namespace hawser::bench
