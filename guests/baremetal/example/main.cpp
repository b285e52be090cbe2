// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The smallest image that does something: answers the rings of peer `peer=` until none has come for `seconds=`.
#include <hawser/guest/machine.hpp>

using namespace hawser;

int hawser_main(guest::Machine& machine) {
  const guest::Console console = machine.console();
  guest::IvshmemPort* port = machine.ivshmem(0);
  if (port == nullptr || !port->has_doorbell()) {
    console.print("this image wants an ivshmem-doorbell device\n");
    return 1;
  }
  const auto peer = static_cast<std::uint16_t>(machine.arguments().number("peer").value_or(0));
  const Duration patience = seconds(machine.arguments().number("seconds").value_or(1));

  console.print("peer ", port->own_id(), " answers peer ", peer, '\n');
  unsigned rings = 0;
  while (port->wait(machine.now() + patience) == Wake::kRung) {
    ++rings;
    port->ring(peer, 0);
  }
  console.print("answered ", rings, " rings; ", port->memory().size() / 1024, " KiB are shared\n");
  return 0;
}
