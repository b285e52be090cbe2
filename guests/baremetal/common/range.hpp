// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Physical address ranges, and the largest piece of one that a list of others leaves free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::guest {

inline constexpr std::uint64_t kPageSize = 4096;

constexpr std::uint64_t align_down(std::uint64_t value, std::uint64_t power_of_two) {
  return value & ~(power_of_two - 1);
}
/// Saturates at the highest multiple instead of wrapping to zero.
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t power_of_two) {
  return value > UINT64_MAX - (power_of_two - 1) ? align_down(UINT64_MAX, power_of_two)
                                                 : align_down(value + power_of_two - 1, power_of_two);
}

/// [base, base + size). The sum is never beyond 2^64 - 1: make one from foreign numbers with Range::clipped().
struct Range {
  std::uint64_t base = 0;
  std::uint64_t size = 0;

  static constexpr Range clipped(std::uint64_t base, std::uint64_t size) {
    return {base, size > UINT64_MAX - base ? UINT64_MAX - base : size};
  }
  static constexpr Range between(std::uint64_t base, std::uint64_t end) {
    return {base, end > base ? end - base : 0};
  }

  constexpr std::uint64_t end() const { return base + size; }
  constexpr bool empty() const { return size == 0; }
  constexpr bool overlaps(Range other) const {
    return !empty() && !other.empty() && base < other.end() && other.base < end();
  }
  constexpr bool contains(Range other) const { return other.base >= base && other.end() <= end(); }

  /// The whole pages that the range touches.
  constexpr Range pages() const {
    return empty() ? Range{align_down(base, kPageSize), 0}
                   : between(align_down(base, kPageSize), align_up(end(), kPageSize));
  }
};

/// Calls visit(Range) for each piece of `whole` that no range in `taken` touches, in ascending order.
template <class Visit>
constexpr void for_each_free(Range whole, std::span<const Range> taken, Visit visit) {
  std::uint64_t at = whole.base;
  while (at < whole.end()) {
    std::uint64_t stop = whole.end();  // where the free piece that starts at `at` ends
    std::uint64_t blocked_until = 0;   // nonzero: `at` itself is taken up to here
    for (const Range& range : taken) {
      if (range.empty() || range.end() <= at) continue;
      if (range.base <= at) {
        blocked_until = range.end();
      } else if (range.base < stop) {
        stop = range.base;
      }
    }
    if (blocked_until != 0) {
      at = blocked_until;
      continue;
    }
    visit(Range::between(at, stop));
    at = stop;
  }
}

/// The largest free piece, shrunk to whole pages.
constexpr Range largest_free(Range whole, std::span<const Range> taken) {
  Range best;
  for_each_free(whole, taken, [&best](Range piece) {
    const auto inside = Range::between(align_up(piece.base, kPageSize), align_down(piece.end(), kPageSize));
    if (inside.size > best.size) best = inside;
  });
  return best;
}

}  // namespace hawser::guest
