// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A Xen hypercall on arm64 (xen/arch-arm.h): the number in x16, arguments in x0 to x4, result in x0. Also compiled, as
// nothing but its number, elsewhere.
#pragma once

#include <cstdint>

namespace hawser::argo::arm64 {

/// The immediate of `hvc` that is Xen's (XEN_HYPERCALL_TAG).
inline constexpr std::uint32_t kHypercallTag = 0xea1;

#if defined(__aarch64__)
/// Memory that Xen reads or writes must be mapped Normal write-back here: it sees it through its own cached mapping.
inline std::int64_t hypercall(std::uint32_t number, std::uint64_t a1, std::uint64_t a2 = 0,
                              std::uint64_t a3 = 0, std::uint64_t a4 = 0, std::uint64_t a5 = 0) {
  register std::uint64_t x0 asm("x0") = a1;
  register std::uint64_t x1 asm("x1") = a2;
  register std::uint64_t x2 asm("x2") = a3;
  register std::uint64_t x3 asm("x3") = a4;
  register std::uint64_t x4 asm("x4") = a5;
  register std::uint64_t x16 asm("x16") = number;
  // Xen keeps all other registers, but may change those of the arguments.
  asm volatile("hvc %[tag]"
               : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x16)
               : [tag] "i"(kHypercallTag)
               : "memory");
  return static_cast<std::int64_t>(x0);
}
#endif

}  // namespace hawser::argo::arm64
