// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Points and spans of time on one party's monotonic clock. Clocks of two parties are never compared.
#pragma once

#include <compare>
#include <cstdint>

namespace hawser {

/// A span of time in nanoseconds.
struct Duration {
  std::uint64_t ns = 0;
  constexpr auto operator<=>(const Duration&) const = default;
};

constexpr Duration microseconds(std::uint64_t n) {
  return {n * 1'000};
}
constexpr Duration milliseconds(std::uint64_t n) {
  return {n * 1'000'000};
}
constexpr Duration seconds(std::uint64_t n) {
  return {n * 1'000'000'000};
}

/// A point in time: nanoseconds since some fixed moment of the party's own choosing (usually its start).
struct Instant {
  std::uint64_t ns = 0;
  constexpr auto operator<=>(const Instant&) const = default;

  /// The end of time: a wait until then ends only by a ring or a cancellation.
  static constexpr Instant never() { return {UINT64_MAX}; }
};

/// Saturates at Instant::never().
constexpr Instant operator+(Instant at, Duration d) {
  return at.ns > UINT64_MAX - d.ns ? Instant::never() : Instant{at.ns + d.ns};
}

/// Zero when `from` is later than `to`: a clock that steps back must not turn into an endless wait.
constexpr Duration elapsed(Instant from, Instant to) {
  return {to.ns > from.ns ? to.ns - from.ns : 0};
}

}  // namespace hawser
