// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The clock: the generic timer's virtual counter and alarm.
#pragma once

namespace hawser::guest {

/// Its interrupt, one of the processor's private ones (Arm Base System Architecture, table of PPI assignments).
inline constexpr unsigned kAlarmInterrupt = 27;

/// Zero of time is now.
void open_clock();

/// Takes the alarm's cause away: its interrupt is a level.
void silence_alarm();

}  // namespace hawser::guest
