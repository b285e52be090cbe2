// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// When who polls a rig gives up.
#pragma once

#include "pair.hpp"

#include <hawser/transport/time.hpp>

#include <algorithm>
#include <cstdint>

namespace hawser::bench {

/// What has not come back by then is lost. Long, for a busy machine takes processors away for seconds.
inline constexpr Duration kLost = seconds(10);

/// Counts looks in vain, and asks the clock now and then.
class InVain {
 public:
  /// After each of them. False: nothing will come any more.
  bool go_on() {
    if ((++looks_ & 0xffff) != 0) return true;
    const std::uint64_t now = clock_ns();
    // Whoever was away did not look.
    if (asked_ != 0) waited_ += std::min(now - asked_, seconds(1).ns);
    asked_ = now;
    return waited_ < kLost.ns;
  }
  /// Something came.
  void reset() { looks_ = asked_ = waited_ = 0; }

 private:
  std::uint64_t looks_ = 0;
  std::uint64_t asked_ = 0, waited_ = 0;  ///< Nanoseconds: the clock, and in vain.
};

}  // namespace hawser::bench
