// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Things that only somebody outside can do: type a key, and ring as a peer, while the machine sleeps.
#include "checks.hpp"

namespace hawser::guest::selftest {

void check_outside(Machine& machine, Report& report) {
  constexpr Duration kPatience = seconds(10);
  (void)machine.wait({});
  const auto before = machine.interrupts();
  report.say("type k");
  const Wake typed = machine.wait(machine.now() + kPatience);
  // Not just one: QEMU's 16550 interrupts once more for a key that nobody takes within four characters' time, and its I/O APIC
  // takes that for a second edge (hw/char/serial.c fifo_timeout_int, hw/intc/ioapic.c ioapic_set_irq).
  report.check(typed == Wake::kRung && machine.interrupts() > before, "a key ends a sleep by an interrupt");
  report.check(machine.console().read() == 'k', "the console reads the key");
  report.check(!machine.console().read(), "the console holds no more than was typed");

  IvshmemPort* port = machine.ivshmem(0);
  if (port == nullptr || !port->has_doorbell()) return;
  while (port->wait(port->now() + milliseconds(30)) == Wake::kRung) {
  }
  const auto last = static_cast<std::uint16_t>(port->vectors() - 1);
  const auto rung_before = port->interrupts(last);
  report.say("ring ", last);
  report.check(
      port->wait(port->now() + kPatience) == Wake::kRung && port->interrupts(last) == rung_before + 1,
      "a peer's ring ends a sleep");
}

}  // namespace hawser::guest::selftest
