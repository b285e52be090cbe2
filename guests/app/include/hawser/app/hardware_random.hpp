// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The processor's own random numbers (RDRAND, RNDR): what a guest without an operating system can honestly serve as
// entropy. There is no fallback to a generator of pseudo-random numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace hawser::app {

class HardwareRandom {
 public:
  /// Whether this processor has the instruction.
  static bool available() {
#if defined(__x86_64__)
    std::uint32_t a = 1, b = 0, c = 0, d = 0;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (c & (1u << 30)) != 0;  // Intel SDM, CPUID leaf 1: RDRAND
#elif defined(__aarch64__)
    std::uint64_t features;
    asm volatile("mrs %0, id_aa64isar0_el1" : "=r"(features));
    return (features >> 60) != 0;  // Arm ARM D17.2.61: RNDR
#else
    return false;
#endif
  }

  /// How many bytes at the front it filled: fewer than asked for if the generator did not answer within bounded tries.
  static std::size_t fill(std::span<std::byte> bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      const auto word = next();
      if (!word) return at;
      std::memcpy(bytes.data() + at, &*word, bytes.size() - at < 8 ? bytes.size() - at : 8);
    }
    return bytes.size();
  }

 private:
  static std::optional<std::uint64_t> next() {
    for (int tries = 0; tries < 32; ++tries) {  // Intel recommends ten
      std::uint64_t word = 0;
      bool good = false;
#if defined(__x86_64__)
      asm volatile("rdrand %0; setc %1" : "=r"(word), "=qm"(good)::"cc");
#elif defined(__aarch64__)
      // RNDR is S3_3_C2_C4_0; a failure sets the flags to 0b0100.
      asm volatile("mrs %0, S3_3_C2_C4_0\n\tcset %w1, ne" : "=r"(word), "=r"(good)::"cc");
#endif
      if (good) return word;
    }
    return std::nullopt;
  }
};

}  // namespace hawser::app
