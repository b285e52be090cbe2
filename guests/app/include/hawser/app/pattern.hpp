// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Bytes that can be checked without having been kept: each 8-byte word is a function of a seed and its position.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace hawser::app {

class Pattern {
 public:
  explicit constexpr Pattern(std::uint64_t seed) : seed_(seed) {}

  /// The word at position `index` (splitmix64).
  constexpr std::uint64_t word(std::uint64_t index) const {
    std::uint64_t z = seed_ + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /// Fills `bytes` with the words from position `index` on; a rest shorter than a word gets the word's first bytes.
  void fill(std::span<std::byte> bytes, std::uint64_t index) const {
    for (std::size_t at = 0; at < bytes.size(); at += 8, ++index) {
      const std::uint64_t value = word(index);
      std::memcpy(bytes.data() + at, &value, bytes.size() - at < 8 ? bytes.size() - at : 8);
    }
  }

  /// The first byte that differs, or nothing.
  std::optional<std::size_t> first_difference(std::span<const std::byte> bytes, std::uint64_t index) const {
    for (std::size_t at = 0; at < bytes.size(); at += 8, ++index) {
      const std::uint64_t value = word(index);
      const std::size_t length = bytes.size() - at < 8 ? bytes.size() - at : 8;
      if (std::memcmp(bytes.data() + at, &value, length) == 0) continue;
      const auto* expected = reinterpret_cast<const std::byte*>(&value);
      for (std::size_t n = 0; n < length; ++n) {
        if (bytes[at + n] != expected[n]) return at + n;
      }
    }
    return std::nullopt;
  }

 private:
  std::uint64_t seed_;
};

}  // namespace hawser::app
