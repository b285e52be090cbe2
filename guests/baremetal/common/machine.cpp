// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// From an architecture's findings to a Machine, the image, and the end.
#include <hawser/guest/machine.hpp>

#include "arch.hpp"
#include "boot.hpp"
#include "end.hpp"
#include "interrupts.hpp"
#include "wait.hpp"

#include <algorithm>

namespace hawser::guest {
namespace {

std::span<std::byte> bytes_at(Range range) {
  return {reinterpret_cast<std::byte*>(range.base), range.size};
}

}  // namespace

Machine::Machine(const Boot& boot, pci::Bus& bus)
    : arguments_(boot.command_line),
      initrd_(bytes_at(boot.initrd)),
      spare_memory_(bytes_at(boot.spare_memory)),
      bus_(&bus) {
  if (boot.pci) open_ivshmem(boot);
  if (boot.xen) open_xen(boot);
}

void Machine::open_ivshmem(const Boot& boot) {
  pci::Bus& bus = *bus_;
  if (!bus.open(*boot.pci)) {
    console().print("PCI configuration space at ", hex(boot.pci->ecam.base),
                    " cannot be mapped: no devices\n");
    return;
  }
  for (const auto& function : bus.functions()) {
    if (function.vendor() != IvshmemPort::kVendor || function.device() != IvshmemPort::kDevice) continue;
    const auto say = [&](std::string_view why) {
      console().print("ivshmem at device ", function.address().device, ": ", why, "; left out\n");
    };
    if (ivshmem_count_ == kMaxIvshmem) {
      say("one more than this runtime holds");
      continue;
    }
    auto port = IvshmemPort::open(bus, function);
    if (!port) {
      say(describe(port.error()));
      continue;
    }
    ivshmem_[ivshmem_count_++].emplace(*std::move(port));
  }
}

void Machine::open_xen(const Boot& boot) {
  static_assert(kMaxXenShm == xen::Findings::kMaxWindows);
  on_xen_ = xen::open(*boot.xen);
  if (!on_xen_) return;
  std::uint32_t next_channel = 1;
  for (std::size_t i = 0; i < boot.xen->window_count; ++i) {
    const auto& window = boot.xen->windows[i];
    auto port = XenShmPort::open(window.id, bytes_at(window.memory), next_channel);
    if (!port) {
      console().print("the shared memory '", window.id, "': ", describe(port.error()), "; left out\n");
      continue;
    }
    next_channel = port->channel() + 1;
    xen_shm_[xen_shm_count_++].emplace(*std::move(port));
  }
}

Instant Machine::now() const {
  return arch::now();
}

Wake Machine::wait(Instant deadline) {
  const Wake wake = wait_until(deadline, [this] { return interrupts::total() != seen_; });
  seen_ = interrupts::total();
  return wake;
}

std::span<const pci::Function> Machine::pci_functions() const {
  return bus_->functions();
}

IvshmemPort* Machine::ivshmem(std::size_t index) {
  return index < ivshmem_count_ ? &*ivshmem_[index] : nullptr;
}

std::span<std::byte> Machine::take_spare_memory(std::size_t bytes) {
  const std::size_t size = spare_memory_.size();
  const std::size_t wanted = std::min<std::size_t>(align_up(bytes, kPageSize), size);
  const auto taken = spare_memory_.last(wanted);
  spare_memory_ = spare_memory_.first(size - wanted);
  return taken;
}

XenShmPort* Machine::xen_shm(std::size_t index) {
  return index < xen_shm_count_ ? &*xen_shm_[index] : nullptr;
}

std::uint64_t Machine::interrupts() const {
  return interrupts::total();
}

void run(const Boot& boot) {
  pci::Bus bus;
  Machine machine(boot, bus);
  end(hawser_main(machine));
}

}  // namespace hawser::guest
