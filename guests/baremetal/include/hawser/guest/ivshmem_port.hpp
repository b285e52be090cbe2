// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// QEMU's ivshmem PCI function (1af4:1110) as an ivshmem::Port: -doorbell with its interrupts, -plain without.
#pragma once

#include <hawser/guest/pci.hpp>
#include <hawser/ivshmem/port.hpp>
#include <hawser/transport/result.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hawser::guest {

namespace pci {
class Bus;
}

/// Why a function could not be opened.
enum class IvshmemError : std::uint8_t {
  kNoRoomOnTheBus,       ///< Its BARs fit into no window of the host bridge.
  kRegistersMissing,     ///< BAR0 is absent or smaller than its registers.
  kMemoryMissing,        ///< BAR2 is absent.
  kMemoryCannotBeMapped  ///< BAR2 lies beyond the page tables' reach or size.
};
std::string_view describe(IvshmemError error);

/// One ivshmem function. Its registers are mapped as a device, its memory as ordinary cached memory.
///
/// With doorbells, each of the first kMaxVectors vectors has an interrupt of its own. Without (-plain, or no MSI-X to
/// be had on this machine) ring() does nothing and wait() naps for kNap at most, then says "look".
/// Rings that arrived before the port was opened are lost: look once at the start.
class IvshmemPort {
 public:
  static constexpr std::uint16_t kVendor = 0x1af4;
  static constexpr std::uint16_t kDevice = 0x1110;
  static constexpr std::uint16_t kMaxVectors = 64;
  static constexpr Duration kNap = microseconds(100);

  /// Claims the function and enables its messages.
  static Result<IvshmemPort, IvshmemError> open(pci::Bus& bus, const pci::Function& function);

  IvshmemPort(IvshmemPort&&) = default;
  IvshmemPort& operator=(IvshmemPort&&) = default;
  IvshmemPort(const IvshmemPort&) = delete;
  IvshmemPort& operator=(const IvshmemPort&) = delete;

  // ivshmem::Port. Nothing cancels a wait: a bare-metal image has one thread of execution.
  std::span<std::byte> memory() const { return memory_; }
  std::uint16_t own_id() const { return own_id_; }
  std::uint16_t vectors() const { return messages_ == 0 ? 1 : messages_; }
  void ring(std::uint16_t id, std::uint16_t vector);
  Wake wait(Instant deadline);
  Instant now() const;

  /// Whether others can ring here: false for -plain, whose memory is, say, a disk.
  bool has_doorbell() const { return messages_ != 0; }

  /// How many interrupts vector `vector` took since the port was opened, modulo 2^32. May be fewer than the rings.
  std::uint32_t interrupts(std::uint16_t vector) const;

  pci::Address address() const { return address_; }

 private:
  IvshmemPort() = default;

  std::uint32_t interrupts_in_all() const;

  std::span<std::byte> memory_;
  std::uint64_t registers_ = 0;
  std::uint32_t seen_ = 0;
  unsigned first_slot_ = 0;
  std::uint16_t messages_ = 0;  // 0: no doorbell
  std::uint16_t own_id_ = 0;
  pci::Address address_;
};

static_assert(ivshmem::Port<IvshmemPort>);

}  // namespace hawser::guest
