// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The processor instructions that C++ has no words for.
#pragma once

#include <cstdint>

namespace hawser::guest::cpu {

inline void out8(std::uint16_t port, std::uint8_t value) {
  asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void out16(std::uint16_t port, std::uint16_t value) {
  asm volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void out32(std::uint16_t port, std::uint32_t value) {
  asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline std::uint8_t in8(std::uint16_t port) {
  std::uint8_t value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}
inline std::uint32_t in32(std::uint16_t port) {
  std::uint32_t value;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

inline std::uint64_t read_msr(std::uint32_t msr) {
  std::uint32_t low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
  return std::uint64_t{high} << 32 | low;
}
inline void write_msr(std::uint32_t msr, std::uint64_t value) {
  asm volatile("wrmsr"
               :
               : "c"(msr), "a"(static_cast<std::uint32_t>(value)),
                 "d"(static_cast<std::uint32_t>(value >> 32))
               : "memory");
}

/// Not ordered with what stands around it: a few nanoseconds either way.
inline std::uint64_t time_stamp() {
  std::uint32_t low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return std::uint64_t{high} << 32 | low;
}

struct CpuId {
  std::uint32_t a, b, c, d;
};
inline CpuId cpuid(std::uint32_t leaf) {
  CpuId id;
  asm volatile("cpuid" : "=a"(id.a), "=b"(id.b), "=c"(id.c), "=d"(id.d) : "a"(leaf), "c"(0));
  return id;
}

/// Opens the door for interrupts for one instruction's time: all that are pending come in.
inline void let_interrupts_in() {
  asm volatile("sti; nop; cli" : : : "memory", "cc");
}

/// `sti` takes effect only after the next instruction (Intel SDM vol. 2, STI), so an interrupt that is already
/// pending wakes this `hlt` instead of slipping in before it.
inline void sleep_until_interrupt() {
  asm volatile("sti; hlt; cli" : : : "memory", "cc");
}

[[noreturn]] inline void stop() {
  for (;;) asm volatile("cli; hlt" : : : "memory");
}

}  // namespace hawser::guest::cpu
