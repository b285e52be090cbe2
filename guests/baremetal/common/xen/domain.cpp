// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "xen/domain.hpp"

#include "arch.hpp"
#include "xen/abi.hpp"
#include "xen/events.hpp"

#include <hawser/guest/console.hpp>
#include <hawser/guest/restart.hpp>

namespace hawser::guest::xen {

bool open(const Findings& findings) {
  const Console console;
  const Range page{findings.unused_frames.base, kPageSize};
  AddToPhysmap request{.space = kSharedInfoSpace, .frame = page.base / kPageSize};
  const std::int64_t result =
      arch::hypercall(Hypercall::kMemory, {kAddToPhysmap, reinterpret_cast<std::uint64_t>(&request)});
  // After a restart in place it is there already, at the same place: Xen shows it once.
  if (result != 0 && !(result == kBusy && restarts() != 0)) {
    console.print("Xen does not show its shared page (", result, "): no events\n");
    return false;
  }
  if (!arch::map(page, MemoryKind::kData)) {
    console.print("Xen's shared page cannot be mapped: no events\n");
    return false;
  }
  events::open(page.base);
  return true;
}

std::optional<std::uint16_t> own_domain() {
  for (std::uint16_t domain = 0; domain < kFirstReserved; ++domain) {
    HvmParam request{.domain = domain};
    const auto address = reinterpret_cast<std::uint64_t>(&request);
    if (arch::hypercall(Hypercall::kHvm, {kGetHvmParam, address}) == 0) return domain;
  }
  return std::nullopt;
}

}  // namespace hawser::guest::xen
