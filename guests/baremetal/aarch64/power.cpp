// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// PSCI SYSTEM_OFF (Arm DEN0022, 5.10) for success; a semihosting exit (Arm semihosting, SYS_EXIT) carries any other
// status to QEMU's own.
#include "power.hpp"

#include "arch.hpp"

#include <cstdint>

extern "C" [[noreturn]] void aarch64_restart();  // boot.S

namespace hawser::guest {
namespace {

constinit PsciConduit conduit_in_use = PsciConduit::kHypervisorCall;
constinit bool exiting = false;

constexpr std::uint64_t kPsciSystemOff = 0x84000008;
constexpr std::uint64_t kSemihostingExit = 0x18;
constexpr std::uint64_t kApplicationExit = 0x20026;

void semihosting_exit(std::uint64_t status) {
  const std::uint64_t block[2] = {kApplicationExit, status};
  register std::uint64_t operation asm("x0") = kSemihostingExit;
  register const void* parameter asm("x1") = block;
  asm volatile("hlt #0xf000" : "+r"(operation) : "r"(parameter) : "memory");
}

}  // namespace

void choose_psci_conduit(PsciConduit conduit) {
  conduit_in_use = conduit;
}

bool exit_was_refused() {
  return exiting;
}

void power_off_by_psci() {
  register std::uint64_t function asm("x0") = kPsciSystemOff;
  if (conduit_in_use == PsciConduit::kHypervisorCall) {
    asm volatile("hvc #0" : "+r"(function) : : "memory", "x1", "x2", "x3");
  } else {
    asm volatile("smc #0" : "+r"(function) : : "memory", "x1", "x2", "x3");
  }
  for (;;) asm volatile("wfi");
}

void arch::restart() {
  aarch64_restart();
}

void arch::power_off(int status) {
  if (status != 0 && !exiting) {
    exiting = true;
    semihosting_exit(static_cast<std::uint64_t>(status));
  }
  power_off_by_psci();
}

}  // namespace hawser::guest
