// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How a PC on QEMU ends: ACPI power-off for success, the isa-debug-exit device for everything else.
#include "arch.hpp"
#include "config_ports.hpp"
#include "cpu.hpp"
#include "xen.hpp"

namespace hawser::guest::arch {
namespace {

constexpr std::uint16_t kDebugExit = 0xf4;

// ICH9's power management block, at the address that we give it (ICH9 datasheet, 13.1.13 and 13.8.3).
constexpr std::uint16_t kPmBase = 0x600;
constexpr std::uint16_t kPm1Control = kPmBase + 4;
constexpr std::uint16_t kSleepEnable = 1 << 13;  // with sleep type 0: soft off
constexpr unsigned kLpcDevice = 0x1f;
constexpr std::uint32_t kLpcPmBase = 0x40;
constexpr std::uint32_t kLpcAcpiControl = 0x44;
constexpr std::uint32_t kAcpiEnable = 0x80;

}  // namespace

void idle() {
  asm volatile("pause" : : : "memory");
}

void restart() {}

void power_off(int status) {
  if (xen::here()) xen::shut_down();
  // QEMU exits with (value << 1) | 1: never 0, hence only for failures. Without the device the write goes nowhere and
  // the machine powers off below; the end line has told the status.
  if (status != 0) cpu::out8(kDebugExit, static_cast<std::uint8_t>(status));
  write_config(kLpcDevice, kLpcPmBase, kPmBase | 1);
  write_config(kLpcDevice, kLpcAcpiControl, kAcpiEnable);
  cpu::out16(kPm1Control, kSleepEnable);
  cpu::stop();
}

}  // namespace hawser::guest::arch
