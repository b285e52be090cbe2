// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The end line, the fault line, and what is left when even they cannot be printed.
#include "end.hpp"

#include "arch.hpp"

namespace hawser::guest {
namespace {

constinit bool reporting = false;

}  // namespace

void end(int status) {
  const int shown = status < 0 || status > 127 ? 127 : status;
  Console().print("HAWSER-END status=", shown, '\n');
  arch::power_off(shown);
}

void report_fault(std::string_view what, std::uint64_t instruction, const std::uint64_t* address) {
  if (reporting) arch::power_off(kFaultStatus);
  reporting = true;
  const Console console;
  console.print("\nHAWSER-FAULT ", what, " at instruction ", hex(instruction));
  if (address != nullptr) console.print(", address ", hex(*address));
  console.print('\n');
  end(kFaultStatus);
}

}  // namespace hawser::guest
