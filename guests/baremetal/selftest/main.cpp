// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Tells what the machine has, and rings itself once.
// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/guest/machine.hpp>
using namespace hawser;
int hawser_main(guest::Machine& m) {
  auto c = m.console();
  c.print("hello args='", m.arguments().text(), "' initrd=", m.initrd().size(),
          " spare=", m.spare_memory().size(), " now=", m.now().ns, '\n');
  for (auto& f : m.pci_functions())
    c.print("pci ", f.address().device, ".", f.address().function, " ", guest::hex(f.vendor()), ":",
            guest::hex(f.device()), '\n');
  for (unsigned i = 0; i < m.ivshmem_count(); ++i) {
    auto& p = *m.ivshmem(i);
    c.print("ivshmem ", i, " size=", p.memory().size(), " at ",
            guest::hex(reinterpret_cast<std::uint64_t>(p.memory().data())), " id=", p.own_id(),
            " v=", p.vectors(), p.has_doorbell() ? " bell" : " plain", '\n');
    p.memory()[0] = std::byte{1};
    if (p.has_doorbell()) {
      auto t = m.now();
      p.ring(p.own_id(), 1);
      auto w = p.wait(m.now() + milliseconds(500));
      c.print("wait -> ", (int)w, " ", elapsed(t, m.now()).ns, " int1=", p.interrupts(1), '\n');
    }
  }
  auto t = m.now();
  auto w = m.wait(t + milliseconds(100));
  c.print("timeout ", (int)w, " after ", elapsed(t, m.now()).ns, '\n');
  return 0;
}
