// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The clock: the time stamp counter, and the local APIC's timer for alarms.
#pragma once

namespace hawser::guest {

/// Measures both against the 8254, which every PC has and whose rate is known. Takes about 4 ms; zero of time is its
/// beginning.
void open_clock();

}  // namespace hawser::guest
