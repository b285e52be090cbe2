// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The groups of checks, one file each.
#pragma once

#include "report.hpp"

#include <hawser/guest/machine.hpp>

#include <string_view>

namespace hawser::guest::selftest {

void check_bytes(Machine& machine, Report& report);
void check_arguments(Machine& machine, Report& report);
void check_clock(Machine& machine, Report& report);
void mark_time(Machine& machine, Report& report);
void check_pci(Machine& machine, Report& report);
void check_doorbell(Machine& machine, Report& report, IvshmemPort& port);
void check_plain(Machine& machine, Report& report, IvshmemPort& port);
/// Begins the image anew a few times; says in which start it is.
void check_restart(Machine& machine, Report& report);
void check_outside(Machine& machine, Report& report);

/// Does what the name says a program must not do. Returns only when nothing stopped it, or for an unknown name.
void commit_fault(std::string_view name);

}  // namespace hawser::guest::selftest
