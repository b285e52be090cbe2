// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The ways a run ends. All print the line that a launcher waits for: `HAWSER-END status=N`.
#pragma once

#include <hawser/guest/console.hpp>

#include <cstdint>
#include <string_view>

namespace hawser::guest {

/// The machine's end for a reason that no image chose; images use other numbers.
inline constexpr int kFaultStatus = 70;     ///< The processor refused something.
inline constexpr int kNotReadyStatus = 71;  ///< The runtime could not start, or a check of its own failed.

/// Prints the end line and switches the machine off. `status` is cut to 0..127; 0 is success.
[[noreturn]] void end(int status);

/// Prints `HAWSER-FAULT <what> at <instruction>[, address <address>]`, then ends the machine. A fault while
/// reporting one ends it at once.
[[noreturn]] void report_fault(std::string_view what, std::uint64_t instruction,
                               const std::uint64_t* address);

/// Prints one line and ends the machine: for what the runtime cannot do without.
template <class... T>
[[noreturn]] void give_up(const T&... why) {
  Console().print("HAWSER-FAULT ", why..., '\n');
  end(kNotReadyStatus);
}

}  // namespace hawser::guest
