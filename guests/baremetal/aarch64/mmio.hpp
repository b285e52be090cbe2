// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Accesses to device registers: one instruction each, of the stated width, never merged, split or reordered by the
// compiler. A plain base register, because a hypervisor that emulates the device cannot decode anything richer.
#pragma once

#include <cstdint>

namespace hawser::guest::arch {

inline std::uint8_t read8(std::uint64_t at) {
  std::uint32_t value;
  asm volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
  return static_cast<std::uint8_t>(value);
}
inline std::uint16_t read16(std::uint64_t at) {
  std::uint32_t value;
  asm volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
  return static_cast<std::uint16_t>(value);
}
inline std::uint32_t read32(std::uint64_t at) {
  std::uint32_t value;
  asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
  return value;
}
inline std::uint64_t read64(std::uint64_t at) {
  std::uint64_t value;
  asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(at) : "memory");
  return value;
}
inline void write8(std::uint64_t at, std::uint8_t value) {
  asm volatile("strb %w0, [%1]" : : "r"(value), "r"(at) : "memory");
}
inline void write16(std::uint64_t at, std::uint16_t value) {
  asm volatile("strh %w0, [%1]" : : "r"(value), "r"(at) : "memory");
}
inline void write32(std::uint64_t at, std::uint32_t value) {
  asm volatile("str %w0, [%1]" : : "r"(value), "r"(at) : "memory");
}
inline void write64(std::uint64_t at, std::uint64_t value) {
  asm volatile("str %0, [%1]" : : "r"(value), "r"(at) : "memory");
}

}  // namespace hawser::guest::arch
