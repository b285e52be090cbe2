// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// From C++ with the MMU on to the common runtime: what the device tree says, controllers, clock.
#include "arch.hpp"
#include "boot.hpp"
#include "clock.hpp"
#include "device_tree.hpp"
#include "end.hpp"
#include "gic.hpp"
#include "image.hpp"
#include "its.hpp"
#include "mmu.hpp"
#include "power.hpp"
#include "uart.hpp"

#include <algorithm>
#include <array>

namespace hawser::guest {
namespace {

constexpr std::uint64_t kUsualUart = 0x09000000;  // QEMU virt's; to complain on when there is no device tree

std::span<const std::byte> bytes(Range range) {
  return {reinterpret_cast<const std::byte*>(range.base), range.size};
}

// As far as its header states, which is at most 2 MiB (Documentation/arm64/booting.rst); empty when there is none.
Range map_device_tree() {
  constexpr std::uint32_t kLargest = 2u << 20;
  const Range header = device_tree_header();
  const auto size = DeviceTree::stated_size(bytes(header));
  if (!size || *size > kLargest) return {};
  const Range whole = Range::clipped(header.base, *size);
  return arch::map(whole, MemoryKind::kData) ? whole : Range{};
}

DeviceTree open_device_tree(Range blob) {
  const auto tree = DeviceTree::in(bytes(blob));
  if (!tree) {
    if (arch::map({kUsualUart, kPageSize}, MemoryKind::kDevice)) open_uart(kUsualUart, UartKind::kPl011);
    give_up("there is no device tree where the loader said");
  }
  return *tree;
}

// PL011 or its subset; the number of its interrupt, 0 if it has none.
unsigned open_console(const DeviceTree& tree) {
  auto node = tree.compatible("arm,pl011");
  const UartKind kind = node ? UartKind::kPl011 : UartKind::kGeneric;
  if (!node) node = tree.compatible("arm,sbsa-uart");
  const auto registers = node ? tree.reg(*node, 0) : std::nullopt;
  if (!registers || !arch::map(*registers, MemoryKind::kDevice)) return 0;
  open_uart(registers->base, kind);
  const auto interrupts = tree.property(*node, "interrupts");
  const auto number = interrupts ? interrupts->number(1, 1) : std::nullopt;
  return number && *number < 988 ? static_cast<unsigned>(*number) + 32 : 0;  // cells: shared, number, trigger
}

void open_interrupts(const DeviceTree& tree, unsigned console_interrupt) {
  const auto node = tree.compatible("arm,gic-v3");
  const auto distributor = node ? tree.reg(*node, 0) : std::nullopt;
  const auto redistributors = node ? tree.reg(*node, 1) : std::nullopt;
  if (!distributor || !redistributors)
    give_up("the machine has no GICv3: QEMU wants -machine virt,gic-version=3");
  if (!arch::map(*distributor, MemoryKind::kDevice) || !arch::map(*redistributors, MemoryKind::kDevice) ||
      !open_gic({*distributor, *redistributors})) {
    give_up("the GICv3 has no redistributor for this processor");
  }
  if (console_interrupt != 0) enable_console_interrupt(console_interrupt);

  if (!tree.compatible("pci-host-ecam-generic")) return;  // nobody has messages to send
  const auto its = tree.compatible("arm,gic-v3-its");
  const auto registers = its ? tree.reg(*its, 0) : std::nullopt;
  if (!registers || registers->size < 0x20000 || !arch::map(*registers, MemoryKind::kDevice)) {
    Console().print("the machine has no ITS: no message interrupts\n");
    return;
  }
  open_its(*registers);
}

// The host bridge's windows (PCI bus binding, `ranges`): three cells of bus address, the parent's, two of size.
pci::Host find_windows(const DeviceTree& tree, const DeviceTree::Node& node) {
  constexpr std::uint64_t kReach = UINT64_C(1) << 47;
  constexpr std::uint64_t kSpaceMask = 3u << 24;
  constexpr std::uint64_t kMemory32 = 2u << 24;
  constexpr std::uint64_t kMemory64 = 3u << 24;
  pci::Host host;
  const auto ranges = tree.property(node, "ranges");
  if (!ranges) return host;
  const std::size_t stride = 3u + node.address_cells + 2u;
  for (std::size_t at = 0; at + stride <= ranges->bytes().size() / 4; at += stride) {
    const auto space = ranges->number(at, 1);
    const auto on_bus = ranges->number(at + 1, 2);
    const auto here = ranges->number(at + 3, node.address_cells);
    const auto size = ranges->number(at + 3 + node.address_cells, 2);
    if (!space || !on_bus || !here || !size || *on_bus != *here) continue;  // one to one, or of no use to us
    const Range window = Range::between(*here, std::min(Range::clipped(*here, *size).end(), kReach));
    if ((*space & kSpaceMask) == kMemory32) host.low_window = window;
    if ((*space & kSpaceMask) == kMemory64) host.high_window = window;
  }
  return host;
}

std::optional<pci::Host> find_pci_host(const DeviceTree& tree) {
  constexpr std::uint64_t kBus0Size = 1u << 20;
  const auto node = tree.compatible("pci-host-ecam-generic");
  if (!node) return std::nullopt;
  const auto ecam = tree.reg(*node, 0);
  if (!ecam || ecam->size < kBus0Size) return std::nullopt;
  pci::Host host = find_windows(tree, *node);
  host.ecam = {ecam->base, kBus0Size};
  return host;
}

void choose_conduit(const DeviceTree& tree) {
  for (const char* version : {"arm,psci-1.0", "arm,psci-0.2", "arm,psci"}) {
    const auto node = tree.compatible(version);
    if (!node) continue;
    const auto method = tree.property(*node, "method");
    if (method && method->text() == "smc") choose_psci_conduit(PsciConduit::kSecureCall);
    return;
  }
}

Range find_initrd(const DeviceTree& tree, const DeviceTree::Node& chosen) {
  const auto start = tree.property(chosen, "linux,initrd-start");
  const auto end = tree.property(chosen, "linux,initrd-end");
  const auto first = start ? start->number() : std::nullopt;
  const auto last = end ? end->number() : std::nullopt;
  return first && last ? Range::between(*first, *last) : Range{};
}

// Maps RAM, all but the image; returns its largest piece that nobody uses.
Range map_ram(const DeviceTree& tree, Range blob, Range initrd) {
  const std::array taken = {image::whole(), initrd.pages(), blob.pages()};
  const std::array image_only = {image::whole()};
  Range spare;
  tree.for_each_node([&](const DeviceTree::Node& node) {
    const auto type = tree.property(node, "device_type");
    if (!type || type->text() != "memory") return false;
    for (std::size_t i = 0; const auto ram = tree.reg(node, i); ++i) {
      bool mapped = true;
      for_each_free(*ram, image_only,
                    [&](Range piece) { mapped = arch::map(piece, MemoryKind::kData) && mapped; });
      const Range free = largest_free(*ram, taken);
      if (mapped && free.size > spare.size) spare = free;
    }
    return false;
  });
  return spare;
}

}  // namespace
}  // namespace hawser::guest

extern "C" [[noreturn]] void aarch64_start() {
  using namespace hawser::guest;
  const Range blob = map_device_tree();
  const DeviceTree tree = open_device_tree(blob);
  choose_conduit(tree);
  const unsigned console_interrupt = open_console(tree);
  open_interrupts(tree, console_interrupt);
  open_clock();

  Boot boot;
  if (const auto chosen = tree.top_level("chosen")) {
    if (const auto text = tree.property(*chosen, "bootargs")) boot.command_line = text->text();
    boot.initrd = find_initrd(tree, *chosen);
  }
  boot.spare_memory = map_ram(tree, blob, boot.initrd);
  if (!boot.initrd.empty() && !arch::map(boot.initrd, MemoryKind::kData)) boot.initrd = {};
  boot.pci = find_pci_host(tree);
  boot.xen = xen::find(tree);
  if (boot.xen) enable_event_interrupt(boot.xen->event_interrupt);
  run(boot);
}
