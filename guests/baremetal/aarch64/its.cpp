// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// ITS and LPI set-up (Arm IHI 0069, chapters 5 and 12.18). LPI kFirstLpi + s is interrupt slot s. All LPIs that can
// ever come are enabled before the redistributor reads the table, so no invalidation is needed later.
#include "its.hpp"

#include "arch.hpp"
#include "cpu.hpp"
#include "gic.hpp"

#include "interrupts.hpp"
#include "mmio.hpp"

#include <hawser/guest/console.hpp>

#include <array>
#include <bit>

namespace hawser::guest {
namespace {

// Registers of the ITS.
constexpr std::uint64_t kControl = 0x00;
constexpr std::uint32_t kControlEnabled = 1 << 0;
constexpr std::uint64_t kType = 0x08;
constexpr std::uint64_t kTypePhysicalTargets = 1 << 19;
constexpr std::uint64_t kCommandBase = 0x80;
constexpr std::uint64_t kCommandWrite = 0x88;
constexpr std::uint64_t kCommandRead = 0x90;
constexpr std::uint64_t kTables = 0x100;
constexpr unsigned kTableCount = 8;
constexpr std::uint64_t kTranslater = 0x10040;

// Registers of the redistributor.
constexpr std::uint64_t kRedistributorControl = 0x00;
constexpr std::uint32_t kEnableLpis = 1 << 0;
constexpr std::uint64_t kPropertiesBase = 0x70;
constexpr std::uint64_t kPendingBase = 0x78;
constexpr std::uint64_t kPendingIsZero = UINT64_C(1) << 62;

constexpr std::uint64_t kValid = UINT64_C(1) << 63;
constexpr std::uint64_t kInnerShareable = 1 << 10;
constexpr std::uint64_t kWriteBackLow = 7 << 7;              // cacheability in the redistributor's registers
constexpr std::uint64_t kWriteBackHigh = UINT64_C(7) << 59;  // and in the ITS's
constexpr std::uint64_t kTableSize64K = UINT64_C(2) << 8;

constexpr unsigned kInterruptBits = 14;  // the least that has LPIs: 8192 of them
constexpr std::size_t kLpis = 8192;
constexpr std::uint8_t kLpiEnabled = 0xa0 | 1 << 1 | 1 << 0;  // middle priority; bit 1 is one

constexpr std::size_t kMaxRequesters = 8;
constexpr unsigned kEventsPerRequester = 64;
constexpr std::size_t kBytesPerEvent = 16;

struct Command {
  std::array<std::uint64_t, 4> words{};
};

// Memory that the controller reads and writes.
alignas(65536) constinit std::array<std::byte, 65536> device_table{};
alignas(65536) constinit std::array<std::byte, 65536> collection_table{};
alignas(65536) constinit std::array<std::byte, 65536> pending_table{};
alignas(65536) constinit std::array<Command, 128> commands{};
alignas(4096) constinit std::array<std::uint8_t, kLpis> lpi_properties{};
alignas(256) constinit std::array<std::array<std::byte, kEventsPerRequester * kBytesPerEvent>,
                                  kMaxRequesters> event_tables{};

constinit std::array<std::uint16_t, kMaxRequesters> requesters{};
constinit std::size_t requester_count = 0;
constinit std::uint64_t its = 0;
constinit std::uint64_t target = 0;
constinit std::size_t next_command = 0;

template <class T>
std::uint64_t address_of(const T& object) {
  return reinterpret_cast<std::uint64_t>(&object);
}

// Queues a command and waits until the ITS has read it. False when it never does: the ITS has stalled.
bool issue(const Command& command) {
  commands[next_command] = command;
  next_command = (next_command + 1) % commands.size();
  cpu::complete_all();
  const std::uint64_t offset = next_command * sizeof(Command);
  arch::write64(its + kCommandWrite, offset);
  for (int patience = 1'000'000; patience > 0; --patience) {
    if (arch::read64(its + kCommandRead) == offset) return true;
  }
  return false;
}

// The commands (5.3), each followed by what makes it take effect for this processor.
Command map_collection() {
  return {{0x09, 0, kValid | target, 0}};
}
Command map_device(std::uint16_t requester, std::uint64_t table) {
  constexpr std::uint64_t kEventBits = std::bit_width(kEventsPerRequester) - 1;
  return {{0x08 | std::uint64_t{requester} << 32, kEventBits - 1, kValid | table, 0}};
}
Command map_event(std::uint16_t requester, unsigned event, unsigned lpi) {
  return {{0x0a | std::uint64_t{requester} << 32, std::uint64_t{lpi} << 32 | event, 0, 0}};
}
Command synchronize() {
  return {{0x05, 0, target, 0}};
}

bool give_tables() {
  for (unsigned i = 0; i < kTableCount; ++i) {
    const std::uint64_t at = its + kTables + 8 * i;
    const std::uint64_t kind = arch::read64(at) >> 56 & 7;
    const std::uint64_t table = kind == 1   ? address_of(device_table)
                                : kind == 4 ? address_of(collection_table)
                                            : 0;
    if (table == 0) continue;
    arch::write64(at, kValid | kWriteBackHigh | table | kInnerShareable | kTableSize64K);
    if (!(arch::read64(at) & kValid)) return false;
  }
  return true;
}

void enable_lpis() {
  for (unsigned slot = 0; slot < interrupts::kSlots; ++slot) lpi_properties[slot] = kLpiEnabled;
  const std::uint64_t redistributor = own_redistributor();
  const std::uint64_t attributes = kInnerShareable | kWriteBackLow;
  arch::write64(redistributor + kPropertiesBase,
                address_of(lpi_properties) | attributes | (kInterruptBits - 1));
  arch::write64(redistributor + kPendingBase, address_of(pending_table) | attributes | kPendingIsZero);
  cpu::complete_all();
  arch::write32(redistributor + kRedistributorControl,
                arch::read32(redistributor + kRedistributorControl) | kEnableLpis);
}

// Announces a requester once, with room for kEventsPerRequester events.
bool announce(std::uint16_t requester) {
  for (std::size_t i = 0; i < requester_count; ++i) {
    if (requesters[i] == requester) return true;
  }
  if (requester_count == kMaxRequesters) return false;
  const std::uint64_t table = address_of(event_tables[requester_count]);
  requesters[requester_count++] = requester;
  return issue(map_device(requester, table));
}

}  // namespace

bool open_its(Range registers) {
  its = registers.base;
  const Console console;
  const std::uint64_t type = arch::read64(its + kType);
  if ((type >> 4 & 0xf) + 1 > kBytesPerEvent) {
    console.print("the ITS wants more than ", kBytesPerEvent, " bytes for an event: no message interrupts\n");
    its = 0;
    return false;
  }
  enable_lpis();

  arch::write32(its + kControl, 0);
  bool ready = give_tables();
  arch::write64(its + kCommandBase, kValid | kWriteBackHigh | address_of(commands) | kInnerShareable |
                                        (sizeof commands / kPageSize - 1));
  arch::write64(its + kCommandWrite, 0);
  arch::write32(its + kControl, kControlEnabled);
  target = type & kTypePhysicalTargets ? own_redistributor() : own_processor_number() << 16;
  ready = ready && issue(map_collection()) && issue(synchronize());
  if (!ready) {
    console.print("the ITS does not take its tables or commands: no message interrupts\n");
    its = 0;
  }
  return ready;
}

std::optional<arch::Message> arch::route_message(std::uint16_t requester, unsigned index, unsigned messages,
                                                 unsigned slot) {
  if (its == 0 || messages > kEventsPerRequester || index >= messages || slot >= interrupts::kSlots) {
    return std::nullopt;
  }
  if (!announce(requester) || !issue(map_event(requester, index, kFirstLpi + slot)) ||
      !issue(synchronize())) {
    return std::nullopt;
  }
  return Message{its + kTranslater, index};
}

}  // namespace hawser::guest
