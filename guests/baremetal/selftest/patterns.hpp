// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A shared window as seen from both ends: the caller fills its first and last MiB before the start, and finds each byte
// of them inverted afterwards.
#pragma once

#include "report.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::guest::selftest {

/// Checks size and contents, then inverts them.
void check_window(Report& report, std::span<std::byte> window, std::uint64_t expected_size);

}  // namespace hawser::guest::selftest
