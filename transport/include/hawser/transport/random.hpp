// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Reproducible numbers for faults and tests: the same seed gives the same sequence on every machine. Nothing
// here is unpredictable to an attacker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser {

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): one word of state, every seed is good.
class Random {
 public:
  constexpr explicit Random(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// 0 to bound - 1; 0 when bound is 0. The bias of the modulo is of no concern here.
  constexpr std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }

  /// True in about `percent` of 100 cases. Always draws exactly one number.
  constexpr bool chance(unsigned percent) { return next() % 100 < percent; }

  constexpr void fill(std::span<std::byte> bytes) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i % 8 == 0) word = next();
      bytes[i] = static_cast<std::byte>(word >> (i % 8 * 8));
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace hawser
