// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The two ways off: PSCI, and semihosting for a status.
#pragma once

namespace hawser::guest {

enum class PsciConduit : unsigned char {
  kHypervisorCall,
  kSecureCall,
};

/// What the device tree says; hypervisor calls until then.
void choose_psci_conduit(PsciConduit conduit);

/// Whether a semihosting exit is under way. Without a semihosting host its instruction is undefined and faults.
bool exit_was_refused();

[[noreturn]] void power_off_by_psci();

}  // namespace hawser::guest
