// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// This machine as a PVH domain of Xen, as far as it differs from a PC: what Xen says of itself by CPUID (Xen's
// arch-x86/cpuid.h), its page of hypercalls, its console, and the interrupt for events.
#pragma once

#include "range.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::guest::xen {

/// Looks for Xen and asks it for the hypercall page. False: this is no domain of Xen.
bool find_itself();

/// Whether that was found.
bool here();

/// Ticks of the time stamp counter in a second, or nothing if Xen does not say.
std::optional<std::uint64_t> time_stamp_rate();

/// The domain's RAM, which its first domain's start info does not tell: as many pieces as there are, or `into` has room for.
std::size_t memory_map(std::span<Range> into);

/// Has Xen announce events by this vector of the processor.
bool choose_event_vector(std::uint8_t vector);

/// On Xen's console, where Xen takes it: from the first domain, and from others if it was built to.
void console_put(char c);

/// Ends the domain.
void shut_down();

}  // namespace hawser::guest::xen
