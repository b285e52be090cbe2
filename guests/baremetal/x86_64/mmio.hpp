// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Accesses to device registers: one instruction each, of the stated width, never merged, split or reordered by the
// compiler.
#pragma once

#include <cstdint>

namespace hawser::guest::arch {

inline std::uint8_t read8(std::uint64_t at) {
  std::uint8_t value;
  asm volatile("movb (%1), %0" : "=q"(value) : "r"(at) : "memory");
  return value;
}
inline std::uint16_t read16(std::uint64_t at) {
  std::uint16_t value;
  asm volatile("movw (%1), %0" : "=r"(value) : "r"(at) : "memory");
  return value;
}
inline std::uint32_t read32(std::uint64_t at) {
  std::uint32_t value;
  asm volatile("movl (%1), %0" : "=r"(value) : "r"(at) : "memory");
  return value;
}
inline void write16(std::uint64_t at, std::uint16_t value) {
  asm volatile("movw %0, (%1)" : : "r"(value), "r"(at) : "memory");
}
inline void write32(std::uint64_t at, std::uint32_t value) {
  asm volatile("movl %0, (%1)" : : "r"(value), "r"(at) : "memory");
}

}  // namespace hawser::guest::arch
