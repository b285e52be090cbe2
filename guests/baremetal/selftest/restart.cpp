// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Restarts in place: what is as it was loaded, what is kept, and that all else works as at the first start.
#include "checks.hpp"

#include <hawser/guest/restart.hpp>

namespace hawser::guest::selftest {
namespace {

constexpr std::uint32_t kRestarts = 5;
constexpr std::uint32_t kLoaded = 0x600df00d;

constinit std::uint32_t in_data = kLoaded;
constinit std::uint32_t in_bss = 0;
HAWSER_GUEST_SURVIVES constinit std::uint32_t kept = 0;

}  // namespace

void check_restart(Machine& machine, Report& report) {
  const auto spare = machine.spare_memory();
  auto* const outside = reinterpret_cast<std::uint32_t*>(spare.data());
  const std::uint32_t before = restarts();
  report.check(kept == before && (before == 0 || *outside == before), "what survives has survived");
  report.check(in_data == kLoaded && in_bss == 0, "what does not is as it was loaded");
  const Instant start = machine.now();
  report.check(machine.wait(start + milliseconds(5)) == Wake::kTimeout, "the clock and its interrupt work");
  if (before == kRestarts) return;
  kept = *outside = before + 1;
  in_data = in_bss = ~before;
  if (report.good()) restart(milliseconds(5));
}

}  // namespace hawser::guest::selftest
