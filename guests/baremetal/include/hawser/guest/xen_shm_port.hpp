// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Memory that Xen shares between domains from their start (`xen,domain-shared-memory-v1`), with a static event channel as
// the doorbell: an ivshmem::Port, so that the same link runs over it as over QEMU's device.
#pragma once

#include <hawser/ivshmem/port.hpp>
#include <hawser/transport/result.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hawser::guest {

/// Why there is no port.
enum class XenShmError : std::uint8_t {
  kNoChannel,             ///< No event channel of this domain leads to another one.
  kDomainUnknown,         ///< Xen tells this domain nothing about any domain, not even itself.
  kMemoryCannotBeMapped,  ///< The window lies beyond the page tables' reach or size.
};
std::string_view describe(XenShmError error);

/// One shared window and one event channel. Its number for others is the domain's; it has one vector, and ring() rings
/// whoever holds the channel's other end, whatever number is asked for.
class XenShmPort {
 public:
  /// `id` must stay where it is. The channel is the first from `first_channel` on that leads to another domain: nothing
  /// in a domain's device tree tells which one belongs to which window.
  static Result<XenShmPort, XenShmError> open(std::string_view id, std::span<std::byte> memory,
                                              std::uint32_t first_channel);

  // ivshmem::Port. Nothing cancels a wait: a bare-metal image has one thread of execution.
  std::span<std::byte> memory() const { return memory_; }
  std::uint16_t own_id() const { return domain_; }
  std::uint16_t vectors() const { return 1; }
  void ring(std::uint16_t id, std::uint16_t vector);
  Wake wait(Instant deadline);
  Instant now() const;

  /// xen,shm-id
  std::string_view id() const { return id_; }
  std::uint32_t channel() const { return channel_; }
  /// Events taken since start, modulo 2^32. May be fewer than the rings.
  std::uint32_t interrupts() const;

 private:
  XenShmPort() = default;

  std::string_view id_;
  std::span<std::byte> memory_;
  std::uint32_t channel_ = 0;
  std::uint32_t seen_ = 0;
  std::uint16_t domain_ = 0;
};

static_assert(ivshmem::Port<XenShmPort>);

}  // namespace hawser::guest
