// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Text out of strings, numbers and `hex(...)`, for anything with write(string_view). No width, no locale, no
// floating point: enough to report what happened.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hawser::guest {

template <class S>
concept Sink = requires(S& sink, std::string_view text) {
  sink.write(text);
};

/// Prints as 0x… with at least `digits` digits.
struct Hex {
  std::uint64_t value;
  unsigned digits;
};

constexpr Hex hex(std::uint64_t value, unsigned digits = 1) {
  return {value, digits > 16 ? 16 : digits};
}

namespace detail {

template <Sink S>
constexpr void put_number(S& sink, std::uint64_t value, unsigned base, unsigned digits) {
  char text[20] = {};  // 2^64 - 1 has 20 decimal digits
  std::size_t at = sizeof text;
  do {
    text[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0 || (digits <= sizeof text && sizeof text - at < digits));
  sink.write(std::string_view(text + at, sizeof text - at));
}

template <Sink S, class T>
constexpr void put(S& sink, const T& part) {
  if constexpr (std::same_as<T, Hex>) {
    sink.write("0x");
    put_number(sink, part.value, 16, part.digits);
  } else if constexpr (std::same_as<T, bool>) {
    sink.write(part ? "true" : "false");
  } else if constexpr (std::same_as<T, char>) {
    sink.write(std::string_view(&part, 1));
  } else if constexpr (std::signed_integral<T>) {
    const auto bits = static_cast<std::uint64_t>(std::int64_t{part});  // the sign goes into all 64 bits
    if (part < 0) sink.write("-");
    put_number(sink, part < 0 ? 0 - bits : bits, 10, 1);
  } else if constexpr (std::unsigned_integral<T>) {
    put_number(sink, part, 10, 1);
  } else {
    sink.write(std::string_view(part));
  }
}

}  // namespace detail

/// print(console, "queue ", 3, " at ", hex(address), '\n');
template <Sink S, class... T>
constexpr void print(S& sink, const T&... parts) {
  (detail::put(sink, parts), ...);
}

}  // namespace hawser::guest
