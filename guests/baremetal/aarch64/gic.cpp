// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// GICv3 registers (Arm IHI 0069), and the taking of interrupts. The processor's own interrupt mask stays set: a masked
// interrupt still ends `wfi`, and is then taken by asking the interface for it. So no handler ever runs in between.
#include "gic.hpp"

#include "arch.hpp"
#include "clock.hpp"
#include "console_input.hpp"
#include "cpu.hpp"
#include "interrupts.hpp"
#include "mmio.hpp"
#include "xen/events.hpp"

namespace hawser::guest {
namespace {

constexpr std::uint64_t kDistributorControl = 0x0000;
constexpr std::uint32_t kAffinityRouting = 1 << 4;
constexpr std::uint32_t kEnableGroup1 = 1 << 1;
constexpr std::uint32_t kWritePending = 1u << 31;
constexpr std::uint64_t kGroup = 0x0080;  // arrays of one bit for each interrupt
constexpr std::uint64_t kSetEnable = 0x0100;
constexpr std::uint64_t kPriority = 0x0400;  // one byte each
constexpr std::uint64_t kRoute = 0x6000;     // eight bytes each; distributor only

constexpr std::uint64_t kRedistributorSize = 0x20000;
constexpr std::uint64_t kRedistributorType = 0x0008;
constexpr std::uint64_t kTypeVirtual = 1 << 1;  // GICv4: two more frames follow
constexpr std::uint64_t kTypeLast = 1 << 4;
constexpr std::uint64_t kWaker = 0x0014;
constexpr std::uint32_t kProcessorSleep = 1 << 1;
constexpr std::uint32_t kChildrenAsleep = 1 << 2;
constexpr std::uint64_t kPrivateFrame = 0x10000;

constexpr std::uint8_t kMiddlePriority = 0xa0;
constexpr unsigned kFirstSpecial = 1020;  // 1023: nothing is pending
constexpr int kPatience = 1'000'000;

constinit std::uint64_t distributor = 0;
constinit std::uint64_t redistributor = 0;
constinit unsigned console_interrupt = 0;
constinit unsigned event_interrupt = 0;

// Group 1, middle priority, enabled; in the distributor or, below 32, in the redistributor's private frame.
void enable(std::uint64_t frame, unsigned interrupt) {
  const std::uint64_t word = interrupt / 32 * UINT64_C(4);
  const std::uint32_t bit = 1u << interrupt % 32;
  arch::write8(frame + kPriority + interrupt, kMiddlePriority);
  arch::write32(frame + kGroup + word, arch::read32(frame + kGroup + word) | bit);
  arch::write32(frame + kSetEnable + word, bit);
}

bool find_own_redistributor(Range frames) {
  const std::uint64_t affinity = cpu::read_affinity();
  const std::uint64_t packed = (affinity >> 8 & 0xff000000) | (affinity & 0xffffff);
  for (std::uint64_t at = frames.base; at < frames.end() && frames.end() - at >= kRedistributorSize;) {
    const std::uint64_t type = arch::read64(at + kRedistributorType);
    if (type >> 32 == packed) {
      redistributor = at;
      return true;
    }
    if (type & kTypeLast) break;
    at += type & kTypeVirtual ? 2 * kRedistributorSize : kRedistributorSize;
  }
  return false;
}

void take(unsigned interrupt) {
  if (interrupt >= kFirstLpi) {
    interrupts::message_taken(interrupt - kFirstLpi);
  } else if (interrupt == kAlarmInterrupt) {
    silence_alarm();
  } else if (interrupt == event_interrupt) {
    xen::events::take();
    interrupts::other_taken();
  } else if (interrupt == console_interrupt) {
    collect_console_input();
    interrupts::other_taken();
  }
}

}  // namespace

bool open_gic(const Gic& gic) {
  distributor = gic.distributor.base;
  if (!find_own_redistributor(gic.redistributors)) return false;

  // Affinity routing first: it may only change while the groups are off.
  arch::write32(distributor + kDistributorControl, 0);
  arch::write32(distributor + kDistributorControl, kAffinityRouting);
  arch::write32(distributor + kDistributorControl, kAffinityRouting | kEnableGroup1);
  for (int i = 0; i < kPatience && (arch::read32(distributor + kDistributorControl) & kWritePending); ++i) {
  }
  arch::write32(redistributor + kWaker, arch::read32(redistributor + kWaker) & ~kProcessorSleep);
  for (int i = 0; i < kPatience && (arch::read32(redistributor + kWaker) & kChildrenAsleep); ++i) {
  }
  enable(redistributor + kPrivateFrame, kAlarmInterrupt);

  cpu::write_gic_enable(cpu::read_gic_enable() | 1);
  cpu::write_gic_priority_mask(0xff);
  cpu::write_gic_group1_enable(1);
  return true;
}

void enable_console_interrupt(unsigned interrupt) {
  if (interrupt < 32 || interrupt >= kFirstSpecial) return;
  console_interrupt = interrupt;
  const std::uint64_t affinity = cpu::read_affinity() & UINT64_C(0xff00ffffff);
  arch::write64(distributor + kRoute + interrupt * UINT64_C(8), affinity);
  enable(distributor, interrupt);
}

void enable_event_interrupt(unsigned interrupt) {
  if (interrupt < 16 || interrupt > 31 || interrupt == kAlarmInterrupt) return;
  event_interrupt = interrupt;
  enable(redistributor + kPrivateFrame, interrupt);
}

std::uint64_t own_redistributor() {
  return redistributor;
}
std::uint64_t own_processor_number() {
  return arch::read64(redistributor + kRedistributorType) >> 8 & 0xffff;
}

namespace arch {

void take_pending() {
  // Bounded: a peer that rings without end must not keep us here.
  for (unsigned taken = 0; taken < interrupts::kSlots; ++taken) {
    const auto interrupt = static_cast<unsigned>(cpu::read_gic_acknowledge() & 0xffffff);
    if (interrupt >= kFirstSpecial && interrupt < kFirstLpi) return;
    cpu::complete_all();
    take(interrupt);
    cpu::write_gic_end(interrupt);
  }
}

void sleep() {
  cpu::wait_for_interrupt();
  take_pending();
}

void idle() {
  cpu::wait_for_interrupt();
}

void device_barrier() {
  asm volatile("dsb st" : : : "memory");
}

}  // namespace arch
}  // namespace hawser::guest
