// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Calls of the hypervisor (Xen's arch-arm.h, "Hypercall calling convention").
#include "arch.hpp"

namespace hawser::guest {

std::int64_t arch::hypercall(xen::Hypercall number, const std::array<std::uint64_t, 5>& arguments) {
  register std::uint64_t which asm("x16") = static_cast<std::uint64_t>(number);
  register std::uint64_t a0 asm("x0") = arguments[0];
  register std::uint64_t a1 asm("x1") = arguments[1];
  register std::uint64_t a2 asm("x2") = arguments[2];
  register std::uint64_t a3 asm("x3") = arguments[3];
  register std::uint64_t a4 asm("x4") = arguments[4];
  asm volatile("hvc #0xea1" : "+r"(which), "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4) : : "memory");
  return static_cast<std::int64_t>(a0);
}

}  // namespace hawser::guest
