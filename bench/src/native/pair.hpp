// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two threads, each nailed to a core of its own: one measures, the other answers.
#pragma once

#include "plan.hpp"

#include <hawser/bench/machine.hpp>

#include <hawser/virtio/queue/poll_pace.hpp>

#include <hawser/transport/order.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace hawser::bench {

/// Polls until something happens, but not for ever: a side that has waited for most of a millisecond knows that the
/// other was taken off its core, and ends the run for both.
class Patience {
 public:
  explicit Patience(std::atomic<bool>& over) : over_(over) {}

  /// Between two looks. False: the run is over.
  bool wait() {
    pace_.wait();
    if ((++idle_ & 1023) != 0) return true;
    if (idle_ >= kEnough) over_.store(true, std::memory_order_relaxed);
    return !over_.load(std::memory_order_relaxed);
  }
  /// Something happened.
  void reset() {
    idle_ = 0;
    pace_.found();
  }

 private:
  static constexpr unsigned kEnough = 32 * 1024;
  std::atomic<bool>& over_;
  virtio::PollPace pace_;
  unsigned idle_ = 0;
};

/// The calling thread runs there only, from now on.
void pin(int core);

/// How often the calling thread has had to make room for another.
long preemptions();

/// What a part does: requests `from`, `from` + 1, ... as many as `units`. Words that count go on where they were.
struct Pass {
  std::uint64_t from = 0;
  unsigned units = 0;
  Histogram* single = nullptr;
  std::uint64_t end() const { return from + units; }
};

/// Runs `answer` on one core and `measure` on the other, lets both start together, and times `measure`. Both are
/// called twice, first for a few units that warm up: the threads are new, and what they are compared with is not. Where that
/// was given up, they are not called again, and no time was taken. Disturbed when either thread was taken off its core
/// meanwhile; not where both share one. `sleeping`: they leave their cores all the time, and are not asked. Counts the
/// instructions of both, waiting included, where the machine does.
using Part = std::function<void(Patience&, const Pass&)>;
Run timed_pair(Cores cores, unsigned units, Histogram* single, const Part& measure, const Part& answer,
               bool sleeping = false);

/// Nanoseconds of a clock that never goes back.
inline std::uint64_t clock_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// Times single units where somebody wants to know them.
class Stopwatch {
 public:
  explicit Stopwatch(Histogram* to) : to_(to), last_(to == nullptr ? 0 : clock_ns()) {}
  void lap() {
    if (to_ == nullptr) return;
    const std::uint64_t now = clock_ns();
    to_->add(now - last_);
    last_ = now;
  }

 private:
  Histogram* to_;
  std::uint64_t last_;
};

}  // namespace hawser::bench
