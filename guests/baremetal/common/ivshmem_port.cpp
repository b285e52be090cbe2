// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The ivshmem registers (QEMU docs/specs/ivshmem-spec.txt, "Device registers") and what a port makes of them.
#include <hawser/guest/ivshmem_port.hpp>

#include "arch.hpp"
#include "interrupts.hpp"
#include "mmio.hpp"
#include "msix.hpp"
#include "pci_bus.hpp"
#include "wait.hpp"

namespace hawser::guest {
namespace {

constexpr std::uint64_t kRegistersSize = 0x10;
constexpr std::uint64_t kIvPosition = 0x08;
constexpr std::uint64_t kDoorbell = 0x0c;

constexpr unsigned kRegisterBar = 0;
constexpr unsigned kMemoryBar = 2;

}  // namespace

std::string_view describe(IvshmemError error) {
  switch (error) {
    case IvshmemError::kNoRoomOnTheBus:
      return "its BARs fit into no window of the host bridge";
    case IvshmemError::kRegistersMissing:
      return "BAR0 holds no ivshmem registers";
    case IvshmemError::kMemoryMissing:
      return "BAR2 is absent";
    case IvshmemError::kMemoryCannotBeMapped:
      return "BAR2 is beyond the page tables' reach or size";
  }
  return "unknown";
}

Result<IvshmemPort, IvshmemError> IvshmemPort::open(pci::Bus& bus, const pci::Function& function) {
  const auto bars = bus.claim(function);
  if (!bars) return Err{IvshmemError::kNoRoomOnTheBus};
  const Range registers = (*bars)[kRegisterBar];
  const Range memory = (*bars)[kMemoryBar];
  if (registers.size < kRegistersSize || !arch::map(registers, MemoryKind::kDevice)) {
    return Err{IvshmemError::kRegistersMissing};
  }
  if (memory.empty()) return Err{IvshmemError::kMemoryMissing};
  if (!arch::map(memory, MemoryKind::kData)) return Err{IvshmemError::kMemoryCannotBeMapped};

  const auto slots = pci::enable_messages(function, *bars, kMaxVectors);
  IvshmemPort port;
  port.address_ = function.address();
  port.registers_ = registers.base;
  port.memory_ = {reinterpret_cast<std::byte*>(memory.base), memory.size};
  port.messages_ = slots.vectors;
  port.first_slot_ = slots.first_slot;
  port.own_id_ = static_cast<std::uint16_t>(arch::read32(registers.base + kIvPosition));
  port.seen_ = port.interrupts_in_all();
  return port;
}

void IvshmemPort::ring(std::uint16_t id, std::uint16_t vector) {
  if (!has_doorbell()) return;
  arch::device_barrier();
  arch::write32(registers_ + kDoorbell, std::uint32_t{id} << 16 | vector);
}

Wake IvshmemPort::wait(Instant deadline) {
  if (!has_doorbell()) {
    const Instant nap_ends = arch::now() + kNap;
    const bool to_the_end = deadline <= nap_ends;
    wait_until(to_the_end ? deadline : nap_ends, [] { return false; });
    return to_the_end ? Wake::kTimeout : Wake::kRung;
  }
  const Wake wake = wait_until(deadline, [this] { return interrupts_in_all() != seen_; });
  seen_ = interrupts_in_all();
  return wake;
}

Instant IvshmemPort::now() const {
  return arch::now();
}

std::uint32_t IvshmemPort::interrupts(std::uint16_t vector) const {
  return vector < messages_ ? interrupts::count(first_slot_ + vector) : 0;
}

std::uint32_t IvshmemPort::interrupts_in_all() const {
  std::uint32_t sum = 0;
  for (std::uint16_t v = 0; v < messages_; ++v) sum += interrupts(v);
  return sum;
}

}  // namespace hawser::guest
