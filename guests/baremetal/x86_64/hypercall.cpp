// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Calls of the hypervisor, by the page that it filled with the processor's instruction for that.
#include "arch.hpp"
#include "xen.hpp"

#include "xen/abi.hpp"

#include <hawser/argo/hypercall_x86_64.hpp>

extern "C" char xen_hypercall_page[];
asm(R"(
  .pushsection .text.xen_hypercall_page, "ax", @progbits
  .balign 4096, 0xcc
  .globl xen_hypercall_page
xen_hypercall_page:
  .skip 4096, 0xcc
  .popsection
)");

namespace hawser::guest {

std::int64_t arch::hypercall(xen::Hypercall number, const std::array<std::uint64_t, 5>& arguments) {
  if (!xen::here()) return xen::kNoSuchCall;
  return argo::x86_64::hypercall(xen_hypercall_page, static_cast<std::uint32_t>(number), arguments[0],
                                 arguments[1], arguments[2], arguments[3], arguments[4]);
}

}  // namespace hawser::guest
