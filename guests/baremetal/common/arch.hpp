// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The seam between the common runtime and the two architectures: what aarch64/ and x86_64/ each define.
//
// One rule makes everything above it sequential: interrupts are taken only inside take_pending() and sleep().
#pragma once

#include "memory_kind.hpp"
#include "range.hpp"

#include <hawser/transport/time.hpp>

#include <array>
#include <cstdint>
#include <optional>

namespace hawser::guest::xen {
enum class Hypercall : unsigned;
}

namespace hawser::guest::arch {

/// Sends one byte; waits while the line is busy.
void console_put(char c);

/// The next byte that the hardware holds, if any.
std::optional<char> console_take();

/// Nanoseconds since start; monotonic.
Instant now();

/// Makes an interrupt pending at `deadline` (or somewhat before, when that is far away). Instant::never() disarms.
void set_alarm(Instant deadline);

/// Takes every interrupt that is pending now.
void take_pending();

/// Takes what is pending, or else sleeps until something is and takes that. An interrupt that becomes pending at any
/// moment before or during the call ends it.
void sleep();

/// What a PCI function must write, and where, to make interrupt slot `slot` pending.
struct Message {
  std::uint64_t address;
  std::uint32_t data;
};

/// Routes message `index` of the function with this PCI requester id (bus, device, function) to a slot. `messages` is
/// how many that function will have in all; the same in each call for it. Nothing when the machine cannot.
std::optional<Message> route_message(std::uint16_t requester, unsigned index, unsigned messages,
                                     unsigned slot);

/// Maps physical addresses one to one. False when they are already something else or the tables have run out.
bool map(Range range, MemoryKind kind);

/// Every earlier store to memory is visible to all before any later store to a device.
void device_barrier();

/// Calls Xen; only where Boot::xen says that it is there. Xen reads and writes what the arguments point to.
std::int64_t hypercall(xen::Hypercall number, const std::array<std::uint64_t, 5>& arguments);

/// Lets a little time pass, and takes nothing: what is pending stays so.
void idle();

/// Begins the image anew, as restart.hpp says. Returns only where an architecture has no such thing.
void restart();

/// Switches the machine off; `status` 0 is success. How a status leaves QEMU: README.md.
[[noreturn]] void power_off(int status);

}  // namespace hawser::guest::arch
