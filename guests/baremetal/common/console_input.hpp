// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// For the architecture's interrupt handler: the console has input.
#pragma once

namespace hawser::guest {

/// Moves what the hardware holds into the input ring, which also takes the interrupt's cause away.
void collect_console_input();

}  // namespace hawser::guest
