// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The smallest things that the core's templates can be instantiated with. Nothing here runs.
#pragma once

#include <hawser/ivshmem/link.hpp>
#include <hawser/ivshmem/port.hpp>
#include <hawser/virtio/device/console_backend.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::freestanding {

/// An ivshmem port whose members live elsewhere, so that no compiler can see through them.
struct Port {
  std::span<std::byte> window;
  volatile std::uint64_t* clock = nullptr;
  volatile std::uint32_t* doorbell = nullptr;

  std::span<std::byte> memory() const { return window; }
  std::uint16_t own_id() const { return 1; }
  std::uint16_t vectors() const { return 1; }
  void ring(std::uint16_t id, std::uint16_t vector) { *doorbell = std::uint32_t{id} << 16 | vector; }
  Wake wait(Instant until) { return now() < until ? Wake::kRung : Wake::kTimeout; }
  Instant now() const { return {*clock}; }
};
static_assert(ivshmem::Port<Port>);

using TestLink = ivshmem::Link<Port>;

struct Terminal {
  volatile std::uint8_t* data = nullptr;

  std::size_t read(std::span<std::byte> out) {
    for (std::byte& b : out) b = std::byte{*data};
    return out.size();
  }
  std::size_t write(std::span<const std::byte> in) {
    for (const std::byte b : in) *data = std::to_integer<std::uint8_t>(b);
    return in.size();
  }
  bool writable() const { return *data != 0; }
  bool connected() const { return *data != 0; }
  virtio::device::ConsoleSize size() const { return {}; }
  void driver_open(bool on) { *data = on ? 1 : 0; }
};

struct Noise {
  volatile std::uint8_t* data = nullptr;

  std::size_t fill(std::span<std::byte> out) {
    for (std::byte& b : out) b = std::byte{*data};
    return out.size();
  }
};

}  // namespace hawser::freestanding
