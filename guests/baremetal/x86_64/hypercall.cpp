// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// This runtime is no Xen domain on x86_64: nothing here finds Xen, so nothing comes to call it.
#include "arch.hpp"

#include "xen/abi.hpp"

namespace hawser::guest {

std::int64_t arch::hypercall(xen::Hypercall, const std::array<std::uint64_t, 5>&) {
  return xen::kNoSuchCall;
}

}  // namespace hawser::guest
