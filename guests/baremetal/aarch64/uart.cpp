// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// PL011 (Arm DDI 0183): console out by polling, in by polling or by interrupt. The line is set up already. A generic UART
// (Arm SBSA, appendix B) is the part of a PL011 that has no set-up at all; Xen answers an access to the rest by an abort.
#include "uart.hpp"

#include "arch.hpp"
#include "mmio.hpp"

namespace hawser::guest {
namespace {

constexpr std::uint64_t kData = 0x00;
constexpr std::uint64_t kFlags = 0x18;
constexpr std::uint64_t kControl = 0x30;
constexpr std::uint64_t kInterruptMask = 0x38;
constexpr std::uint32_t kReceiveEmpty = 1 << 4;
constexpr std::uint32_t kTransmitFull = 1 << 5;
constexpr std::uint32_t kEnableBothWays = 1 << 0 | 1 << 8 | 1 << 9;
constexpr std::uint32_t kReceiveInterrupts = 1 << 4 | 1 << 6;  // data, and data left lying

constinit std::uint64_t uart = 0;  // 0: no console

}  // namespace

void open_uart(std::uint64_t registers, UartKind kind) {
  uart = registers;
  if (kind == UartKind::kPl011) arch::write16(uart + kControl, kEnableBothWays);
  arch::write16(uart + kInterruptMask, kReceiveInterrupts);
}

namespace arch {

void console_put(char c) {
  if (uart == 0) return;
  while (read16(uart + kFlags) & kTransmitFull) {
  }
  write8(uart + kData, static_cast<std::uint8_t>(c));
}

std::optional<char> console_take() {
  if (uart == 0 || (read16(uart + kFlags) & kReceiveEmpty)) return std::nullopt;
  return static_cast<char>(read16(uart + kData));
}

}  // namespace arch
}  // namespace hawser::guest
