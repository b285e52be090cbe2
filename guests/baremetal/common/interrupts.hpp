// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Which message interrupts exist and how often each was taken. The architecture's handler reports them; ports ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace hawser::guest::interrupts {

/// Message interrupts that one machine can tell apart; on x86_64 each is a vector of the processor.
inline constexpr unsigned kSlots = 128;

/// For the architecture's handler: this slot's interrupt was taken. An unknown slot is ignored.
void message_taken(unsigned slot);

/// For the architecture's handler: something other than a message or the alarm was taken (console input).
void other_taken();

/// How often the slot was taken since start, modulo 2^32.
std::uint32_t count(unsigned slot);

/// How many messages and other interrupts were taken since start; not the alarm.
std::uint64_t total();

/// Reserves `n` consecutive slots; the first of them, or nothing.
std::optional<unsigned> reserve(unsigned n);

/// How many reserve() can still give.
unsigned left();

}  // namespace hawser::guest::interrupts
