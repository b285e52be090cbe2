// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The functions on the machine's PCI bus 0, as their configuration space shows them.
#pragma once

#include <cstdint>

namespace hawser::guest::pci {

/// Where a function sits. Bus 0 only: what lies behind a bridge is not seen.
struct Address {
  std::uint8_t bus = 0;
  std::uint8_t device = 0;
  std::uint8_t function = 0;

  /// The number by which the function's messages are told apart (PCI Express Base 4.0, 2.2.4.2: the requester ID).
  constexpr std::uint16_t requester() const {
    return static_cast<std::uint16_t>(bus << 8 | device << 3 | function);
  }
};

/// A function's configuration space (4 KiB, memory mapped). A handle: copies are the same function.
class Function {
 public:
  constexpr Function() = default;
  constexpr Function(Address address, std::uint64_t configuration)
      : configuration_(configuration), address_(address) {}

  constexpr Address address() const { return address_; }

  std::uint16_t vendor() const { return read16(0x00); }
  std::uint16_t device() const { return read16(0x02); }
  /// Base class and subclass, e.g. 0x0604 for a PCI bridge.
  std::uint16_t kind() const { return read16(0x0a); }

  /// `offset` is below 4096 and naturally aligned.
  std::uint8_t read8(std::uint32_t offset) const;
  std::uint16_t read16(std::uint32_t offset) const;
  std::uint32_t read32(std::uint32_t offset) const;
  void write16(std::uint32_t offset, std::uint16_t value) const;
  void write32(std::uint32_t offset, std::uint32_t value) const;

  /// The offset of the first capability with this id, 0 if there is none.
  std::uint8_t capability(std::uint8_t id) const;

 private:
  std::uint64_t configuration_ = 0;
  Address address_;
};

}  // namespace hawser::guest::pci
