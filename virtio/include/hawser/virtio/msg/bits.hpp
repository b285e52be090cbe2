// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A fixed set of small numbers: how events are latched, so that any flood of them takes the same few words.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace hawser::virtio::msg {

template <unsigned kSize>
class Bits {
 public:
  /// Numbers outside [0, kSize) are never in the set.
  constexpr bool has(unsigned n) const { return n < kSize && (words_[n / 64] >> (n % 64) & 1) != 0; }
  constexpr void add(unsigned n) {
    if (n < kSize) words_[n / 64] |= std::uint64_t{1} << (n % 64);
  }
  constexpr void remove(unsigned n) {
    if (n < kSize) words_[n / 64] &= ~(std::uint64_t{1} << (n % 64));
  }
  constexpr void clear() { words_ = {}; }
  constexpr bool empty() const { return !first().has_value(); }

  constexpr std::optional<unsigned> first() const { return next(0); }

  /// The smallest member that is at least `from`.
  constexpr std::optional<unsigned> next(unsigned from) const {
    for (unsigned n = from; n < kSize;) {
      const std::uint64_t rest = words_[n / 64] >> (n % 64);
      if (rest != 0) return n + static_cast<unsigned>(std::countr_zero(rest));
      n = (n / 64 + 1) * 64;
    }
    return std::nullopt;
  }

  constexpr bool operator==(const Bits&) const = default;

 private:
  std::array<std::uint64_t, (kSize + 63) / 64> words_{};
};

}  // namespace hawser::virtio::msg
