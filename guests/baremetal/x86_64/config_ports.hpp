// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// PCI configuration by the two I/O ports: for the chipset's own registers, before (and without) ECAM.
#pragma once

#include "cpu.hpp"

#include <cstdint>

namespace hawser::guest {

inline void select_config(unsigned device, std::uint32_t offset) {
  cpu::out32(0xcf8, 0x8000'0000u | device << 11 | (offset & 0xfc));
}
/// Function 0 of a device on bus 0.
inline std::uint32_t read_config(unsigned device, std::uint32_t offset) {
  select_config(device, offset);
  return cpu::in32(0xcfc);
}
inline void write_config(unsigned device, std::uint32_t offset, std::uint32_t value) {
  select_config(device, offset);
  cpu::out32(0xcfc, value);
}

}  // namespace hawser::guest
