// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Local APIC and I/O APIC registers (Intel SDM vol. 3, chapter 10; 82093AA datasheet).
#include "apic.hpp"

#include "arch.hpp"
#include "cpu.hpp"
#include "end.hpp"
#include "interrupts.hpp"
#include "mmio.hpp"
#include "traps.hpp"
#include "xen.hpp"

namespace hawser::guest {
namespace {

constexpr std::uint32_t kMsrApicBase = 0x1b;
constexpr std::uint64_t kApicEnable = 1 << 11;

constexpr std::uint64_t kLocal = 0xfee00000;
constexpr std::uint64_t kId = kLocal + 0x20;
constexpr std::uint64_t kTaskPriority = kLocal + 0x80;
constexpr std::uint64_t kEndOfInterrupt = kLocal + 0xb0;
constexpr std::uint64_t kSpurious = kLocal + 0xf0;
constexpr std::uint64_t kTimer = kLocal + 0x320;
constexpr std::uint64_t kLint0 = kLocal + 0x350;
constexpr std::uint64_t kLint1 = kLocal + 0x360;
constexpr std::uint64_t kTimerStart = kLocal + 0x380;
constexpr std::uint64_t kTimerLeft = kLocal + 0x390;
constexpr std::uint64_t kTimerDivide = kLocal + 0x3e0;
constexpr std::uint32_t kSoftwareEnable = 1 << 8;
constexpr std::uint32_t kMasked = 1 << 16;
constexpr std::uint32_t kDivideBy1 = 0xb;

constexpr std::uint64_t kIo = 0xfec00000;
constexpr std::uint64_t kIoSelect = kIo + 0x00;
constexpr std::uint64_t kIoWindow = kIo + 0x10;
constexpr unsigned kIoPins = 24;
constexpr unsigned kConsolePin = 4;

std::uint8_t own_apic_id() {
  return static_cast<std::uint8_t>(arch::read32(kId) >> 24);
}

void write_io_pin(unsigned pin, std::uint64_t entry) {
  arch::write32(kIoSelect, 0x11 + 2 * pin);
  arch::write32(kIoWindow, static_cast<std::uint32_t>(entry >> 32));
  arch::write32(kIoSelect, 0x10 + 2 * pin);
  arch::write32(kIoWindow, static_cast<std::uint32_t>(entry));
}

}  // namespace

void open_apic() {
  // Firmware leaves its clock interrupt on the old controllers.
  cpu::out8(0x21, 0xff);
  cpu::out8(0xa1, 0xff);

  // A domain of Xen has no console there, and perhaps no I/O APIC.
  if (!arch::map({kLocal, kPageSize}, MemoryKind::kDevice) ||
      !(xen::here() || arch::map({kIo, kPageSize}, MemoryKind::kDevice))) {
    give_up("the interrupt controllers cannot be mapped");
  }
  cpu::write_msr(kMsrApicBase, kLocal | kApicEnable | (cpu::read_msr(kMsrApicBase) & 0x100));
  arch::write32(kLint0, kMasked);
  arch::write32(kLint1, kMasked);
  arch::write32(kTimer, kMasked);
  arch::write32(kTaskPriority, 0);
  arch::write32(kSpurious, kSoftwareEnable | kSpuriousVector);
  arch::write32(kTimerDivide, kDivideBy1);
  arch::write32(kTimer, kAlarmVector);

  if (xen::here()) return;
  for (unsigned pin = 0; pin < kIoPins; ++pin) write_io_pin(pin, kMasked);
  write_io_pin(kConsolePin, kConsoleVector | std::uint64_t{own_apic_id()} << 56);
}

void end_of_interrupt() {
  arch::write32(kEndOfInterrupt, 0);
}

void start_alarm_timer(std::uint32_t count) {
  arch::write32(kTimerStart, count);
}
std::uint32_t alarm_timer_left() {
  return arch::read32(kTimerLeft);
}

namespace arch {

std::optional<Message> route_message(std::uint16_t, unsigned, unsigned, unsigned slot) {
  static_assert(kFirstMessageVector + interrupts::kSlots <= kConsoleVector);
  if (slot >= interrupts::kSlots) return std::nullopt;
  // Fixed delivery, edge triggered, to this processor (Intel SDM vol. 3, 10.11).
  return Message{kLocal | std::uint64_t{own_apic_id()} << 12, kFirstMessageVector + slot};
}

void take_pending() {
  expect_interrupts();
  cpu::let_interrupts_in();
}
void sleep() {
  expect_interrupts();
  cpu::sleep_until_interrupt();
}
void device_barrier() {
  asm volatile("sfence" : : : "memory");
}

}  // namespace arch
}  // namespace hawser::guest
