// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A driver's bus and a device's bus on the two ends of a loopback link in one thread: while the driver waits, the
// device's side takes its steps.
#pragma once

#include "toy_device.hpp"

#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace hawser::test {

using TestLink = loopback::Link;
using Driver = virtio::msg::DriverDevice<TestLink>;
using TestDriverBus = virtio::msg::DriverBus<TestLink>;
using TestDeviceBus = virtio::msg::DeviceBus<TestLink, 32>;

constexpr virtio::Features kToyFeatures{ToyDevice::kFeatureA, ToyDevice::kFeatureB};

template <std::uint32_t kMtu = 264, std::uint32_t kDepth = 8>
class BothSides {
 public:
  explicit BothSides(virtio::msg::DriverBusOptions driver_options = {},
                     virtio::msg::DeviceBusOptions device_options = {}, std::uint64_t seed = 1)
      : pair(*storage, {.seed = seed}),
        driver(pair.first(), driver_options),
        devices(pair.second(), device_options) {
    let_devices_run();
  }
  ~BothSides() {
    // Whatever a test does, no code of ours may use the link in a way that its contract forbids.
    CHECK(pair.violations() == allowed_violations);
  }

  /// Steps the device's bus whenever the driver waits, like an event loop would: look, arm, look again.
  void let_devices_run() {
    pair.second().on_idle([](void* self) { static_cast<BothSides*>(self)->device_step(); }, this);
  }
  void let_devices_sleep() {
    pair.second().on_idle([](void* self) { (void)static_cast<BothSides*>(self)->pair.second().poll(); },
                          this);
  }
  void device_step() {
    while (devices.step()) {
    }
    (void)devices.prepare_to_wait();
  }

  void connect() { REQUIRE(driver.wait_up(pair.first().now() + seconds(10)).ok()); }

  virtio::Arena& arena() { return arena_; }
  std::span<std::byte> region() { return storage->region; }

  std::unique_ptr<loopback::Storage<kMtu, kDepth>> storage =
      std::make_unique<loopback::Storage<kMtu, kDepth>>();
  loopback::Pair pair;
  TestDriverBus driver;
  TestDeviceBus devices;
  std::uint64_t allowed_violations = 0;

 private:
  std::array<std::uint64_t, virtio::Arena::bitmap_words(65536)> bitmap_{};
  virtio::Arena arena_{Offset(4096), 65536 - 4096, bitmap_};
};

/// A request with a readable and a writable part through one queue, until it comes back.
template <class Queue>
std::optional<std::uint32_t> echo(Driver& device, Queue& queue, std::uint16_t index,
                                  std::span<std::byte> region, std::span<const std::byte> in,
                                  std::span<std::byte> out) {
  const auto at = device.arena().allocate(256);
  REQUIRE(at.has_value());
  std::memcpy(region.data() + at->bytes(), in.data(), in.size());
  const virtio::Segment readable[] = {{*at, static_cast<std::uint32_t>(in.size())}};
  const virtio::Segment writable[] = {{*at + 128, static_cast<std::uint32_t>(out.size())}};
  REQUIRE(queue.try_add(readable, writable, virtio::Token{77}).ok());
  if (queue.publish()) device.notify(index, queue.next_offset());

  const Instant deadline = device.now() + seconds(1);
  std::optional<std::uint32_t> written;
  while (!written && device.now() < deadline) {
    if (const auto reaped = queue.try_reap(); reaped.ok()) {
      REQUIRE(reaped->token == virtio::Token{77});
      written = reaped->written;
    } else if (!queue.arm()) {
      (void)device.wait(deadline);
    }
  }
  std::memcpy(out.data(), region.data() + at->bytes() + 128, out.size());
  device.arena().release(*at, 256);
  return written;
}

}  // namespace hawser::test
