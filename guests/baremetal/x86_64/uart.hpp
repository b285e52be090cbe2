// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The serial port COM1.
#pragma once

namespace hawser::guest {

/// Sets the line up and lets its receive interrupt out to the I/O APIC.
void open_uart();

}  // namespace hawser::guest
