// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The serial port: an Arm PL011.
#pragma once

#include <cstdint>

namespace hawser::guest {

/// Uses the PL011 at this address, mapped already, and lets its receive interrupt out.
void open_uart(std::uint64_t registers);

}  // namespace hawser::guest
