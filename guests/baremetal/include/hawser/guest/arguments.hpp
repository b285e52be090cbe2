// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the launcher tells an image: the kernel command line, read as words `key` and `key=value`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::guest {

/// Words are separated by spaces; there is no quoting. Where a key comes twice, the last one counts, so that a
/// launcher can append to its defaults. Refers to the text; owns nothing.
class Arguments {
 public:
  constexpr Arguments() = default;
  constexpr explicit Arguments(std::string_view text) : text_(text) {}

  constexpr std::string_view text() const { return text_; }

  /// The value of `key=value`, perhaps empty; nothing when there is no such word.
  std::optional<std::string_view> value(std::string_view key) const;

  /// Whether the word `key` stands alone.
  bool has(std::string_view key) const;

  /// The value of `key` as a number: decimal or 0x…, with an optional suffix K, M or G (powers of 1024).
  /// Nothing when it is absent, malformed or beyond 64 bits.
  std::optional<std::uint64_t> number(std::string_view key) const;

 private:
  std::string_view text_;
};

}  // namespace hawser::guest
