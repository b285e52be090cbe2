// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The runtime's own test. Arguments say what to expect of the machine, or which fault to commit; the lines printed
// are read by tests/system/baremetal_selftest.py, which also plays the part of the world outside.
#include "checks.hpp"

using namespace hawser::guest;

int hawser_main(Machine& machine) {
  selftest::Report report;
  report.say("main after ", machine.now().ns / 1000, " us");
  if (const auto fault = machine.arguments().value("fault")) {
    selftest::commit_fault(*fault);
    report.check(false, "the fault was noticed");
    return report.finish();
  }

  if (machine.arguments().has("mark-time")) {
    selftest::mark_time(machine, report);
    return report.finish();
  }

  if (machine.arguments().has("restart")) {
    selftest::check_restart(machine, report);
    return report.finish();
  }

  selftest::check_bytes(machine, report);
  selftest::check_arguments(machine, report);
  selftest::check_clock(machine, report);
  selftest::check_pci(machine, report);
  for (std::size_t i = 0; i < machine.ivshmem_count(); ++i) {
    auto& port = *machine.ivshmem(i);
    port.has_doorbell() ? selftest::check_doorbell(machine, report, port)
                        : selftest::check_plain(machine, report, port);
  }
  if (machine.arguments().has("interactive")) selftest::check_outside(machine, report);
  return report.finish();
}
