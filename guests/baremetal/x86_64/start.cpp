// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// From long mode to the common runtime: traps, page tables, clocks, and what the loader and the chipset say.
#include "apic.hpp"
#include "arch.hpp"
#include "boot.hpp"
#include "clock.hpp"
#include "config_ports.hpp"
#include "end.hpp"
#include "image.hpp"
#include "mmu.hpp"
#include "start_info.hpp"
#include "traps.hpp"
#include "uart.hpp"
#include "xen.hpp"

#include <algorithm>
#include <array>

namespace hawser::guest {
namespace {

constexpr std::uint64_t kLowMemory = UINT64_C(1) << 20;  // below: firmware, its tables, device memory
constexpr std::uint64_t k4GiB = UINT64_C(1) << 32;

// The host bridge of q35 (Intel 3 Series datasheet, 5.1.16: PCIEXBAR).
constexpr unsigned kHostBridgeDevice = 0;
constexpr std::uint32_t kQ35HostBridge = 0x29c08086;
constexpr std::uint32_t kPciExBar = 0x60;
constexpr std::uint64_t kEcamDefault = 0xb0000000;
constexpr std::uint64_t kEcamSize = 256u << 20;
constexpr std::uint64_t kBus0Size = 1u << 20;
constexpr std::uint64_t kLowWindowStart = 0xc0000000;
constexpr std::uint64_t kLowWindowEnd = 0xfe000000;  // above: interrupt controllers, TPM, firmware

constinit StartInfo start_info;

std::uint64_t end_of_ram() {
  std::uint64_t end = k4GiB;
  for (const Range& ram : start_info.memory()) end = std::max(end, ram.end());
  return end;
}

Range high_window() {
  unsigned address_bits = 36;
  if (cpu::cpuid(0x80000000).a >= 0x80000008) address_bits = cpu::cpuid(0x80000008).a & 0xff;
  address_bits = std::clamp(address_bits, 36u, 46u);
  return Range::between(align_up(end_of_ram(), UINT64_C(1) << 30), UINT64_C(1) << address_bits);
}

std::optional<pci::Host> find_pci_host() {
  if (read_config(kHostBridgeDevice, 0) != kQ35HostBridge) {
    Console().print("the host bridge is not q35's: no PCI devices\n");
    return std::nullopt;
  }
  std::uint64_t bar = read_config(kHostBridgeDevice, kPciExBar) |
                      std::uint64_t{read_config(kHostBridgeDevice, kPciExBar + 4)} << 32;
  if (!(bar & 1)) {
    bar = kEcamDefault | 1;
    write_config(kHostBridgeDevice, kPciExBar + 4, 0);
    write_config(kHostBridgeDevice, kPciExBar, static_cast<std::uint32_t>(bar));
  }
  const std::uint64_t base = align_down(bar & ((UINT64_C(1) << 46) - 1), 64u << 20);
  const Range ecam{base, kEcamSize};
  Range low = Range::between(kLowWindowStart, kLowWindowEnd);
  if (ecam.overlaps(low)) low = Range::between(ecam.end(), kLowWindowEnd);
  return pci::Host{{base, kBus0Size}, low, high_window()};
}

// Maps RAM, all but the image; returns its largest piece that nobody uses.
Range map_ram() {
  const std::array taken = {image::whole(), start_info.initrd.pages()};
  const std::array image_only = {image::whole()};
  Range spare;
  for (const Range& ram : start_info.memory()) {
    // Xen's first domain has pieces that end within a page.
    const Range high =
        Range::between(align_up(std::max(ram.base, kLowMemory), kPageSize), align_down(ram.end(), kPageSize));
    bool mapped = true;
    for_each_free(high, image_only,
                  [&](Range piece) { mapped = arch::map(piece, MemoryKind::kData) && mapped; });
    const Range free = largest_free(high, taken);
    if (mapped && free.size > spare.size) spare = free;
  }
  return spare;
}

}  // namespace
}  // namespace hawser::guest

extern "C" [[noreturn]] void x86_64_start(std::uint32_t start_info_address) {
  using namespace hawser::guest;
  if (!xen::find_itself()) open_uart();
  open_traps();
  if (!start_info.read(start_info_address)) give_up("there is no PVH start info: boot this image by PVH");
  if (start_info.memory().empty()) start_info.ram_count = xen::memory_map(start_info.ram);
  switch_to_own_page_tables();
  open_apic();
  if (!xen::here()) let_uart_interrupt();
  open_clock();

  Boot boot;
  boot.command_line = start_info.command_line();
  boot.spare_memory = map_ram();
  if (!start_info.initrd.empty() && arch::map(start_info.initrd, MemoryKind::kData)) {
    boot.initrd = start_info.initrd;
  }
  if (!xen::here()) boot.pci = find_pci_host();
  if (xen::here() && xen::choose_event_vector(kEventVector)) {
    // Above what Xen gives domains as RAM, below the interrupt controllers.
    boot.xen = xen::Findings{.unused_frames = {0xfe800000, kPageSize}, .event_interrupt = kEventVector};
  }
  run(boot);
}
