// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/guest/window_port.hpp>

#include <string_view>

namespace hawser::guest {

IvshmemPort* find_ivshmem(Machine& machine, bool with_doorbell) {
  for (std::size_t n = 0; n < machine.ivshmem_count(); ++n) {
    if (machine.ivshmem(n)->has_doorbell() == with_doorbell) return machine.ivshmem(n);
  }
  return nullptr;
}

std::optional<WindowPort> choose_window(Machine& machine) {
  const Console console = machine.console();
  const auto argument = machine.arguments().value("link");
  const std::string_view wanted = argument.value_or("");
  if (argument && wanted != "ivshmem" && wanted != "xen-shm") {
    console.print("link=", wanted, " is neither ivshmem nor xen-shm\n");
    return std::nullopt;
  }
  if (wanted != "xen-shm") {
    if (auto* port = find_ivshmem(machine, true)) return WindowPort(*port);
  }
  if (wanted != "ivshmem") {
    if (auto* port = machine.xen_shm(0)) return WindowPort(*port);
  }
  if (wanted == "ivshmem" || (!argument && !machine.on_xen())) {
    console.print("there is no ivshmem-doorbell device: start QEMU with one\n");
  } else if (!machine.on_xen()) {
    console.print("this is no Xen domain, or one whose node lacks xen,enhanced = \"no-xenstore\"\n");
  } else {
    console.print("Xen shares no memory with this domain: its node wants a xen,domain-shared-memory-v1\n");
  }
  return std::nullopt;
}

}  // namespace hawser::guest
