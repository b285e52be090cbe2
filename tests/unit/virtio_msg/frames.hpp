// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Frames written as hexadecimal text, as in captures: blanks are ignored, `00*16` stands for sixteen zero bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::test {

using Bytes = std::vector<std::byte>;

inline unsigned hex_digit(char c) {
  return c >= 'a' ? static_cast<unsigned>(c - 'a' + 10) : static_cast<unsigned>(c - '0');
}

inline Bytes frame(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ' || text[i] == '\n') {
      ++i;
      continue;
    }
    const auto byte = static_cast<std::byte>(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
    i += 2;
    std::size_t times = 1;
    if (i < text.size() && text[i] == '*') {
      times = 0;
      for (++i; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
        times = times * 10 + hex_digit(text[i]);
    }
    bytes.insert(bytes.end(), times, byte);
  }
  return bytes;
}

inline std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

}  // namespace hawser::test
