// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The serial port COM1.
#pragma once

namespace hawser::guest {

/// Sets the line up.
void open_uart();
/// Lets its receive interrupt out to the I/O APIC, whose pin must listen by then: it takes the edge, and with a byte that
/// waits already there is no other.
void let_uart_interrupt();

}  // namespace hawser::guest
