// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Waiting: look for a while, then sleep. Looking finds work sooner than any wake-up can, but burns the
// processor; how long it pays is learned from how long the last waits were.
#pragma once

#include <hawser/virtio/queue/poll_pace.hpp>

#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <algorithm>
#include <cstdint>

namespace hawser::virtio {

/// How long to look before sleeping. Keeps no clock: times are handed in.
class AdaptiveSpin {
 public:
  enum class Mode : std::uint8_t {
    kAdaptive,
    kPollOnly,  ///< Never sleep, so nobody needs to be told.
    kNever,     ///< Sleep at once.
  };

  /// `longest`: looking longer than this is never worth it; about what a wake-up costs, both sides counted.
  explicit AdaptiveSpin(Mode mode = Mode::kAdaptive, Duration longest = microseconds(50))
      : mode_(mode), longest_(longest), budget_(longest) {}

  Mode mode() const { return mode_; }
  PollPace& pace() { return pace_; }

  /// For how long the next wait should look.
  Duration budget() const {
    if (mode_ == Mode::kPollOnly) return {UINT64_MAX};
    return mode_ == Mode::kNever ? Duration{} : budget_;
  }

  /// A wait ended with work after this long and had to sleep. Work that came soon would have been found by
  /// looking a little longer: grow past it, with room for jitter. Work that came late was not worth looking
  /// for: look half as long next time, until not at all.
  void slept(Duration waited) {
    if (waited <= longest_) {
      budget_ = std::max(budget_, std::min(longest_, Duration{2 * waited.ns}));
    } else {
      budget_ = Duration{budget_.ns / 2};
    }
  }

 private:
  Mode mode_;
  Duration longest_;
  Duration budget_;
  PollPace pace_;
};

/// Waits until there is something to do, or `until`.
///
/// look()      true: there is. Called again and again.
/// arm()       asks to be told; true: look again (DeviceQueue::arm, DriverQueue::arm, Bell::arm with a look).
/// sleep(t)    sleeps until told, at most until t (Bell::wait).
/// now()       the time. Asked once in a while, since it may be dear.
///
/// kRung means "look". Disarm the queue when back from a sleep and busy again.
template <class Look, class Arm, class Sleep, class Clock>
Wake spin_then_sleep(AdaptiveSpin& spin, Instant until, Look look, Arm arm, Sleep sleep, Clock now) {
  constexpr unsigned kLooksPerClock = 32;
  const Instant start = now();
  const Instant enough = std::min(until, start + spin.budget());
  while (spin.budget() > Duration{}) {
    for (unsigned n = 0; n < kLooksPerClock; ++n) {
      if (look()) {
        spin.pace().found();
        return Wake::kRung;
      }
      spin.pace().wait();
    }
    if (now() >= enough) break;
  }
  if (spin.mode() == AdaptiveSpin::Mode::kPollOnly) return Wake::kTimeout;
  if (arm()) return Wake::kRung;
  const Wake wake = sleep(until);
  if (wake == Wake::kRung) spin.slept(elapsed(start, now()));
  return wake;
}

}  // namespace hawser::virtio
