// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/guest/carrier.hpp>

#include <string_view>

namespace hawser::guest {

IvshmemPort* find_ivshmem(Machine& machine, bool with_doorbell) {
  for (std::size_t n = 0; n < machine.ivshmem_count(); ++n) {
    if (machine.ivshmem(n)->has_doorbell() == with_doorbell) return machine.ivshmem(n);
  }
  return nullptr;
}

std::optional<Carrier> choose_carrier(Machine& machine) {
  const Console console = machine.console();
  const std::string_view wanted = machine.arguments().value("link").value_or("");
  const bool any = wanted.empty();
  if (!any && wanted != "ivshmem" && wanted != "xen-shm") {
    console.print("link=", wanted, " is none of ivshmem, xen-shm\n");
    return std::nullopt;
  }
  if ((any || wanted == "ivshmem") && find_ivshmem(machine, true) != nullptr) return Carrier::kIvshmem;
  if ((any || wanted == "xen-shm") && machine.xen_shm_count() != 0) return Carrier::kXenShm;
  if (any && !machine.on_xen()) {
    console.print("there is no ivshmem-doorbell device: start QEMU with one\n");
  } else if (wanted == "ivshmem") {
    console.print("link=ivshmem: there is no ivshmem-doorbell device: start QEMU with one\n");
  } else if (!machine.on_xen()) {
    console.print("link=", wanted,
                  ": this machine is no Xen domain, or its node lacks xen,enhanced = \"no-xenstore\"\n");
  } else {
    console.print("Xen shares no memory with this domain: its node wants a xen,domain-shared-memory-v1\n");
  }
  return std::nullopt;
}

}  // namespace hawser::guest
