// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What is to be measured: an operation, a payload, how many at once; and what it came to.
#pragma once

#include <hawser/virtio/queue/log_buckets.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::bench {

/// Where this character is, or how long the text is. (std::string_view's needs memchr, which is not here.)
constexpr std::size_t place_of(char wanted, std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] != wanted) ++at;
  return at;
}

struct Point {
  std::string_view operation;  ///< "read", "write", "net"
  std::uint32_t bytes = 0;     ///< Of data, or of a frame from its Ethernet header on.
  std::uint32_t depth = 1;

  /// "read:4096x8"
  static std::optional<Point> from(std::string_view word) {
    const std::size_t colon = place_of(':', word);
    if (colon == word.size()) return std::nullopt;
    const auto numbers = word.substr(colon + 1);
    const std::size_t times = place_of('x', numbers);
    if (times == numbers.size()) return std::nullopt;
    const auto bytes = number(numbers.substr(0, times));
    const auto depth = number(numbers.substr(times + 1));
    if (!bytes || !depth || *bytes == 0 || *depth == 0) return std::nullopt;
    return Point{word.substr(0, colon), *bytes, *depth};
  }

 private:
  static std::optional<std::uint32_t> number(std::string_view digits) {
    if (digits.empty() || digits.size() > 9) return std::nullopt;
    std::uint32_t value = 0;
    for (const char digit : digits) {
      if (digit < '0' || digit > '9') return std::nullopt;
      value = value * 10 + static_cast<std::uint32_t>(digit - '0');
    }
    return value;
  }
};

struct Measured {
  using Buckets = virtio::LogBuckets<4, 40>;

  std::uint64_t count = 0;
  std::uint64_t ns = 0;
  std::uint64_t longest = 0;  ///< Of single requests; only at depth 1, like times.
  std::array<std::uint32_t, Buckets::kCount> times{};
  const char* wrong = nullptr;  ///< Why it is no figure.

  void add(std::uint64_t time) {
    ++times[Buckets::bucket(time)];
    if (time > longest) longest = time;
  }
};

}  // namespace hawser::bench
