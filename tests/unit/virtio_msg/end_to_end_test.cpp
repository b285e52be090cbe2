// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Our driver's side against our device's side: what a driver and a model see of each other through the bus.
#include "both_sides.hpp"
#include "frames.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

namespace {

constexpr Features kSplit{};
constexpr Features kPacked{VIRTIO_F_RING_PACKED, VIRTIO_F_EVENT_IDX};

struct Slots {
  std::array<DriverSlot, 16> of[2];
};

}  // namespace

TEST_CASE("a driver finds the devices, negotiates, and its requests come back, split and packed") {
  for (const Features ring : {kSplit, kPacked}) {
    for (const auto notification : {Notification::kMarks, Notification::kMessages}) {
      BothSides<> both({.notification = notification}, {.notification = notification});
      ToyDevice a;
      ToyDevice b;
      REQUIRE(both.devices.add(DeviceRef<RegionMemory>(a), {}, 3).ok());
      REQUIRE(both.devices.add(DeviceRef<RegionMemory>(b), {}, 21).ok());
      both.connect();

      const auto found = both.driver.devices();
      REQUIRE(found.ok());
      for (unsigned n = 0; n < 64; ++n) CHECK(found->has(n) == (n == 3 || n == 21));

      Driver driver(both.driver, 21, both.arena());
      const auto features = driver.negotiate(kToyFeatures | ring);
      REQUIRE(features.ok());
      CHECK(driver.device_id() == ToyDevice::kDeviceId);
      CHECK(features->has(ToyDevice::kFeatureB));
      CHECK(features->has(VIRTIO_F_VERSION_1));
      CHECK(features->has(VIRTIO_F_RING_PACKED) == ring.has(VIRTIO_F_RING_PACKED));

      Slots slots;
      auto queue0 = driver.start_queue(0, 16, slots.of[0]);
      auto queue1 = driver.start_queue(1, 8, slots.of[1]);
      REQUIRE(queue0.ok());
      REQUIRE(queue1.ok());
      REQUIRE(driver.start().ok());
      CHECK(b.started);
      CHECK(b.negotiated == *features);
      CHECK_FALSE(a.started);

      for (std::uint8_t round = 0; round < 40; ++round) {
        const std::array<std::byte, 3> in{std::byte{1}, std::byte{2}, std::byte{round}};
        std::array<std::byte, 3> out{};
        auto& queue = round % 2 == 0 ? *queue0 : *queue1;
        REQUIRE(echo(driver, queue, round % 2, both.region(), in, out) == 3);
        CHECK(out == in);
      }
      CHECK(b.served == 40);
      REQUIRE(driver.reset().ok());
      CHECK_FALSE(b.started);
      CHECK(both.arena().free_bytes() == both.arena().size());
    }
  }
}
