// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A Xen hypercall on x86_64 (xen/arch-x86/xen-x86_64.h): a call into the hypercall page, which Xen has filled with one
// 32-byte entry a hypercall; arguments in rdi, rsi, rdx, r10, r8, result in rax. Also compiled, as nothing but numbers,
// elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hawser::argo::x86_64 {

inline constexpr std::size_t kHypercallEntryBytes = 32;

#if defined(__x86_64__)
/// `page` is the hypercall page, mapped executable.
inline std::int64_t hypercall(const void* page, std::uint32_t number, std::uint64_t a1, std::uint64_t a2 = 0,
                              std::uint64_t a3 = 0, std::uint64_t a4 = 0, std::uint64_t a5 = 0) {
  const std::uintptr_t entry = reinterpret_cast<std::uintptr_t>(page) + number * kHypercallEntryBytes;
  std::int64_t result = 0;
  register std::uint64_t r10 asm("r10") = a4;
  register std::uint64_t r8 asm("r8") = a5;
  // The entry is called on this stack, below what a leaf function may keep under the stack pointer.
  asm volatile(
      "lea -128(%%rsp), %%rsp\n\t"
      "call *%[entry]\n\t"
      "lea 128(%%rsp), %%rsp"
      : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
      : [entry] "r"(entry)
      : "rcx", "r9", "r11", "memory", "cc");
  return result;
}
#endif

}  // namespace hawser::argo::x86_64
