// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The local APIC (messages and the alarm) and the one pin of the I/O APIC that is used, the console's.
#pragma once

#include <cstdint>

namespace hawser::guest {

/// Silences the old interrupt controllers, enables the local APIC and routes the console's interrupt.
void open_apic();

/// Ends the interrupt that is being handled.
void end_of_interrupt();

/// The alarm timer's count-down, for calibration and use. It interrupts when it reaches 0.
void start_alarm_timer(std::uint32_t count);
std::uint32_t alarm_timer_left();

}  // namespace hawser::guest
