// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// GICv3: the distributor, this processor's redistributor, and its interface. LPIs come by the ITS (its.hpp).
#pragma once

#include "range.hpp"

#include <cstdint>

namespace hawser::guest {

inline constexpr unsigned kFirstLpi = 8192;

struct Gic {
  Range distributor;
  Range redistributors;
};

/// Sets the controller up, all mapped already, with the alarm's interrupt enabled. False when no redistributor
/// belongs to this processor.
bool open_gic(const Gic& gic);

/// Enables a shared interrupt (32 and up) as the console's.
void enable_console_interrupt(unsigned interrupt);

/// Enables the private interrupt (16 to 31) by which Xen tells of events.
void enable_event_interrupt(unsigned interrupt);

/// This processor's redistributor; its number as the ITS counts them.
std::uint64_t own_redistributor();
std::uint64_t own_processor_number();

}  // namespace hawser::guest
