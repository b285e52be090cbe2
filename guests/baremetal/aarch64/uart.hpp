// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The serial port: an Arm PL011, or the part of one that is a generic UART.
#pragma once

#include <cstdint>

namespace hawser::guest {

enum class UartKind : unsigned char {
  kPl011,
  kGeneric,
};

/// Uses the UART at this address, mapped already, and lets its receive interrupt out.
void open_uart(std::uint64_t registers, UartKind kind);

}  // namespace hawser::guest
