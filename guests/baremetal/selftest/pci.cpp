// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the bus shows, and that ivshmem's functions were opened.
#include "checks.hpp"

namespace hawser::guest::selftest {

void check_pci(Machine& machine, Report& report) {
  std::size_t found = 0;
  for (const auto& function : machine.pci_functions()) {
    report.say("pci ", function.address().device, '.', function.address().function, " ",
               hex(function.vendor(), 4), ":", hex(function.device(), 4));
    if (function.vendor() == IvshmemPort::kVendor && function.device() == IvshmemPort::kDevice) ++found;
  }
  const auto expected = machine.arguments().number("ports").value_or(0);
  report.check(!machine.pci_functions().empty(), "the bus has functions");
  report.check(found == expected, "every ivshmem function is on the bus");
  report.check(machine.ivshmem_count() == expected, "every ivshmem function is open");
  report.check(machine.ivshmem(expected) == nullptr, "there is no port beyond the last");
}

}  // namespace hawser::guest::selftest
