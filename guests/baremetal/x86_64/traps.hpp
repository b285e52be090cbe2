// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Exceptions and interrupts: which vector means what.
#pragma once

#include <cstdint>

namespace hawser::guest {

inline constexpr std::uint8_t kFirstMessageVector = 0x40;  ///< Interrupt slot s is vector 0x40 + s.
inline constexpr std::uint8_t kConsoleVector = 0xe0;
inline constexpr std::uint8_t kAlarmVector = 0xe1;
inline constexpr std::uint8_t kEventVector = 0xe2;  ///< Xen's.
inline constexpr std::uint8_t kSpuriousVector = 0xff;

/// Loads the interrupt table. Exceptions run on a stack of their own, so that a full stack can be reported.
void open_traps();

/// To be called before interrupts are let in: from here on at most one for each slot, then they are shut out again.
void expect_interrupts();

}  // namespace hawser::guest
