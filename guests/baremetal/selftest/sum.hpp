// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// FNV-1a, 64 bits: small on both sides of the test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::guest::selftest {

inline std::uint64_t sum_of(std::span<const std::byte> bytes) {
  std::uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (const std::byte b : bytes) {
    sum ^= std::to_integer<std::uint64_t>(b);
    sum *= UINT64_C(0x100000001b3);
  }
  return sum;
}

}  // namespace hawser::guest::selftest
