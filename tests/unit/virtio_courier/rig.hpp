// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A driver's bus and a device's bus with a courier between them: two memories, and nothing but messages and parcels.
#pragma once

#include "support/copied_pair.hpp"

#include <hawser/virtio/courier/device_end.hpp>
#include <hawser/virtio/courier/driver_end.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace hawser::test {

using DriverEnd = virtio::courier::DriverEnd<CopiedEnd, 8, 64, 2048>;
using DeviceEnd = virtio::courier::DeviceEnd<CopiedEnd, 8, 64>;
using CourierDriverBus = virtio::msg::DriverBus<DriverEnd>;
using CourierDeviceBus = virtio::msg::DeviceBus<DeviceEnd>;
using CourierDriver = virtio::msg::DriverDevice<DriverEnd>;

inline constexpr virtio::Features kRingSplit{virtio::VIRTIO_F_EVENT_IDX, virtio::VIRTIO_F_INDIRECT_DESC};
inline constexpr virtio::Features kRingPacked = kRingSplit | virtio::Features{virtio::VIRTIO_F_RING_PACKED};

struct CourierRigOptions {
  virtio::Features driver_ring = kRingSplit;
  virtio::Features device_ring = kRingSplit;
  std::size_t ring = 16384;
  std::size_t memory = 2 << 20;
  std::uint32_t max_chain = 0;
  CopiedOptions carrier;
};

class CourierRig {
 public:
  explicit CourierRig(const CourierRigOptions& options = {})
      : driver_memory(options.memory),
        device_memory(options.memory),
        driver_ring(options.ring),
        first(world, options.carrier, driver_ring),
        second(world, options.carrier, std::span(device_memory).first(options.ring)),
        bitmap(virtio::Arena::bitmap_words(options.memory)),
        device_bitmap(virtio::Arena::bitmap_words(options.memory)),
        driver_end(first, driver_memory, {.ring = options.driver_ring}),
        device_end(second, {device_memory, std::span(device_memory).subspan(options.ring), device_bitmap},
                   {.ring = options.device_ring, .max_chain = options.max_chain}),
        driver(driver_end),
        devices(device_end),
        arena(Offset(0), driver_end.region().size(), bitmap) {
    CopiedEnd::connect(first, second);
    second.on_idle = [this] { device_step(); };
  }

  void device_step() {
    while (devices.step()) continue;
    (void)devices.prepare_to_wait();
  }
  void connect() { REQUIRE(driver.wait_up(first.now() + seconds(10)).ok()); }

  std::span<std::byte> at(Offset offset, std::size_t bytes) {
    return driver_end.region().area(offset, bytes, 1).value().bytes();
  }

  CopiedWorld world;
  std::vector<std::byte> driver_memory, device_memory, driver_ring;
  CopiedEnd first, second;
  std::vector<std::uint64_t> bitmap, device_bitmap;
  DriverEnd driver_end;
  DeviceEnd device_end;
  CourierDriverBus driver;
  CourierDeviceBus devices;
  virtio::Arena arena;
};

}  // namespace hawser::test
