// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The 16550 at COM1: console out by polling, in by polling or by interrupt.
#include "uart.hpp"
#include "arch.hpp"
#include "cpu.hpp"
#include "xen.hpp"

namespace hawser::guest {
namespace {

constexpr std::uint16_t kCom1 = 0x3f8;
constexpr std::uint16_t kData = kCom1 + 0;
constexpr std::uint16_t kInterruptEnable = kCom1 + 1;
constexpr std::uint16_t kFifoControl = kCom1 + 2;
constexpr std::uint16_t kLineControl = kCom1 + 3;
constexpr std::uint16_t kModemControl = kCom1 + 4;
constexpr std::uint16_t kLineStatus = kCom1 + 5;

constexpr std::uint8_t kDivisorAccess = 0x80;
constexpr std::uint8_t kEightBits = 0x03;
constexpr std::uint8_t kFifoEnableAndClear = 0x07;
constexpr std::uint8_t kReadyAndInterruptGate = 0x0b;  // DTR, RTS, and OUT2, which lets the interrupt out
constexpr std::uint8_t kReceiveInterrupt = 0x01;
constexpr std::uint8_t kReceived = 0x01;
constexpr std::uint8_t kTransmitterEmpty = 0x20;

}  // namespace

void open_uart() {
  cpu::out8(kInterruptEnable, 0);
  cpu::out8(kLineControl, kDivisorAccess);
  cpu::out8(kData, 1);  // 115200 baud
  cpu::out8(kInterruptEnable, 0);
  cpu::out8(kLineControl, kEightBits);
  cpu::out8(kFifoControl, kFifoEnableAndClear);
  cpu::out8(kModemControl, kReadyAndInterruptGate);
}

void let_uart_interrupt() {
  cpu::out8(kInterruptEnable, kReceiveInterrupt);
}

namespace arch {

void console_put(char c) {
  if (xen::here()) return xen::console_put(c);
  while (!(cpu::in8(kLineStatus) & kTransmitterEmpty)) {
  }
  cpu::out8(kData, static_cast<std::uint8_t>(c));
}

std::optional<char> console_take() {
  if (xen::here() || !(cpu::in8(kLineStatus) & kReceived)) return std::nullopt;
  return static_cast<char>(cpu::in8(kData));
}

}  // namespace arch
}  // namespace hawser::guest
