// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Our driver's side against our device's side: what a driver and a model see of each other through the bus.
#include "both_sides.hpp"
#include "frames.hpp"

#include <hawser/virtio/queue/stage_book.hpp>

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

TEST_CASE("whatever a link may do to rings, and however often the channel is full, everything comes back") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    const auto notification = seed % 2 == 0 ? Notification::kMarks : Notification::kMessages;
    BothSides<> both({.notification = notification}, {.notification = notification}, seed);
    const loopback::Faults faults{
        .delay_rings = 30, .duplicate_rings = 20, .reorder_rings = 20, .spurious_rings = 10, .full = 40};
    both.pair.first().faults() = faults;
    both.pair.second().faults() = faults;
    ToyDevice toy;
    REQUIRE(both.devices.add(DeviceRef<RegionMemory>(toy), {}, 3).ok());
    both.connect();
    REQUIRE(both.driver.devices()->has(3));
    Driver driver(both.driver, 3, both.arena());
    REQUIRE(driver.negotiate(kToyFeatures | (seed % 3 == 0 ? kPacked : kSplit)).ok());
    Slots slots;
    auto queue = driver.start_queue(0, 4, slots.of[0]);
    REQUIRE(queue.ok());
    REQUIRE(driver.start().ok());
    for (std::uint8_t round = 0; round < 50; ++round) {
      const std::array<std::byte, 2> in{std::byte{round}, std::byte{0x77}};
      std::array<std::byte, 2> out{};
      REQUIRE(echo(driver, *queue, 0, both.region(), in, out) == 2);
      CHECK(out == in);
      if (round % 10 == 0) REQUIRE(both.driver.ping().ok());
    }
    REQUIRE(driver.reset().ok());
  }
}

TEST_CASE("rings that get lost cost time, never an answer") {
  BothSides<> both;
  both.pair.first().faults().drop_rings = 100;
  both.pair.second().faults().drop_rings = 100;
  ToyDevice toy;
  REQUIRE(both.devices.add(DeviceRef<RegionMemory>(toy), {}, 3).ok());
  both.connect();
  Driver driver(both.driver, 3, both.arena());
  REQUIRE(driver.negotiate(kToyFeatures).ok());
}

TEST_CASE("a queue that was reset starts anew while the other one runs on") {
  BothSides<> both;
  ToyDevice toy;
  REQUIRE(both.devices.add(DeviceRef<RegionMemory>(toy), {}, 3).ok());
  both.connect();
  Driver driver(both.driver, 3, both.arena());
  REQUIRE(driver.negotiate(kToyFeatures | Features{VIRTIO_F_RING_RESET}).ok());
  Slots slots;
  auto queue0 = driver.start_queue(0, 4, slots.of[0]).value();
  auto queue1 = driver.start_queue(1, 4, slots.of[1]).value();
  REQUIRE(driver.start().ok());
  const std::array<std::byte, 2> in{std::byte{1}, std::byte{2}};
  std::array<std::byte, 2> out{};
  for (int round = 0; round < 3; ++round) {
    REQUIRE(echo(driver, queue0, 0, both.region(), in, out) == 2);
    REQUIRE(driver.reset_queue(0).ok());
    REQUIRE(echo(driver, queue1, 1, both.region(), in, out) == 2);
    queue0 = driver.start_queue(0, 8, slots.of[0]).value();
    REQUIRE(echo(driver, queue0, 0, both.region(), in, out) == 2);
  }
}

TEST_CASE("without RING_RESET no queue is reset alone") {
  BothSides<> both;
  ToyDevice toy;
  REQUIRE(both.devices.add(DeviceRef<RegionMemory>(toy), {}, 3).ok());
  both.connect();
  Driver driver(both.driver, 3, both.arena());
  REQUIRE_FALSE(driver.negotiate(kToyFeatures).value().has(VIRTIO_F_RING_RESET));
  Slots slots;
  REQUIRE(driver.start_queue(0, 4, slots.of[0]).ok());
  CHECK(driver.reset_queue(0).error() == TransportError::kNotPossible);
  CHECK(toy.queues[0].size() == 4);
}

TEST_CASE(
    "a device whose queue was broken needs a reset, its neighbor does not notice, and the reset helps") {
  BothSides<> both;
  ToyDevice toys[2];
  REQUIRE(both.devices.add(DeviceRef<RegionMemory>(toys[0]), {}, 3).ok());
  REQUIRE(both.devices.add(DeviceRef<RegionMemory>(toys[1]), {}, 4).ok());
  both.connect();
  Driver broken(both.driver, 3, both.arena());
  Driver whole(both.driver, 4, both.arena());
  Slots slots;
  REQUIRE(broken.negotiate(kToyFeatures).ok());
  REQUIRE(whole.negotiate(kToyFeatures).ok());
  auto queue0 = broken.start_queue(0, 4, slots.of[0]);
  auto queue1 = whole.start_queue(0, 4, slots.of[1]);
  REQUIRE(broken.start().ok());
  REQUIRE(whole.start().ok());

  const Segment outside[] = {{Offset(1 << 20), 16}};
  REQUIRE(queue0->try_add(outside, {}, Token{1}).ok());
  (void)queue0->publish();
  broken.notify(0, 0);
  const std::array<std::byte, 2> in{std::byte{1}, std::byte{2}};
  std::array<std::byte, 2> out{};
  REQUIRE(echo(whole, *queue1, 0, both.region(), in, out) == 2);
  CHECK(broken.needs_reset());
  CHECK_FALSE(whole.needs_reset());

  REQUIRE(broken.negotiate(kToyFeatures).ok());
  CHECK_FALSE(broken.needs_reset());
  auto again = broken.start_queue(0, 4, slots.of[0]);
  REQUIRE(again.ok());
  REQUIRE(broken.start().ok());
  REQUIRE(echo(broken, *again, 0, both.region(), in, out) == 2);
}

TEST_CASE("a device that is plugged in while the driver runs can be used, and is missed when it goes") {
  BothSides<> both;
  both.connect();
  CHECK(both.driver.devices()->empty());
  ToyDevice toy;
  REQUIRE(both.devices.add(DeviceRef<RegionMemory>(toy), {}, 7).ok());
  (void)both.driver.wait(both.pair.first().now() + milliseconds(100));
  REQUIRE(both.driver.take_plug_event() == PlugEvent{7, true});
  Driver driver(both.driver, 7, both.arena());
  REQUIRE(driver.negotiate(kToyFeatures).ok());
  Slots slots;
  REQUIRE(driver.start_queue(0, 4, slots.of[0]).ok());
  both.devices.remove(7);
  (void)both.driver.wait(both.pair.first().now() + milliseconds(100));
  REQUIRE(both.driver.take_plug_event() == PlugEvent{7, false});
  CHECK(driver.removed());
  std::array<std::byte, 4> bytes;
  CHECK(driver.read_config(0, bytes).error() == TransportError::kTimeout);
  CHECK(both.arena().free_bytes() < both.arena().size());
  const Instant before = both.pair.first().now();
  CHECK(driver.reset().ok());  // it has nothing any more, so nobody is asked
  CHECK(elapsed(before, both.pair.first().now()) < milliseconds(1));
  CHECK(both.arena().free_bytes() == both.arena().size());
}

TEST_CASE("a device's side that dies and returns is found down, then up, and is used anew") {
  auto storage = std::make_unique<loopback::Storage<>>();
  loopback::Pair pair(*storage);
  std::array<std::uint64_t, Arena::bitmap_words(65536)> bitmap{};
  Arena arena(Offset(0), 65536, bitmap);
  TestDriverBus bus(pair.first());
  Driver driver(bus, 0, arena);
  Slots slots;
  const std::array<std::byte, 2> in{std::byte{1}, std::byte{2}};
  std::array<std::byte, 2> out{};
  for (int life = 0; life < 4; ++life) {
    ToyDevice toy;
    TestDeviceBus devices(pair.second());
    REQUIRE(devices.add(DeviceRef<RegionMemory>(toy), {}, 0).ok());
    pair.second().on_idle([](void* self) { (void)static_cast<TestDeviceBus*>(self)->step(); }, &devices);
    REQUIRE(bus.wait_up(bus.link().now() + seconds(5)).ok());
    CHECK_FALSE(driver.in_session());
    REQUIRE(driver.negotiate(kToyFeatures | (life % 2 == 0 ? kSplit : kPacked)).ok());
    auto queue = driver.start_queue(0, 4, slots.of[0]);
    REQUIRE(queue.ok());
    REQUIRE(driver.start().ok());
    REQUIRE(echo(driver, *queue, 0, storage->region, in, out) == 2);
    if (life % 2 == 0) {
      pair.kill(loopback::Which::kSecond);
    } else {
      pair.leave(loopback::Which::kSecond);
    }
    const auto error = driver.reset().error();  // silence is a timeout first, the end of the link after that
    CHECK((error == TransportError::kTimeout || error == TransportError::kLinkDown));
    pair.revive(loopback::Which::kSecond);
  }
}

TEST_CASE("buses that are given a book have each queue's requests timed, bells included") {
  static std::uint64_t now = 0;
  const StageClock clock = [] { return now += 10; };
  std::array<std::vector<StageRecord>, 2> records{std::vector<StageRecord>(4), std::vector<StageRecord>(4)};
  std::array<std::vector<StageProbe>, 2> probes{std::vector<StageProbe>(4), std::vector<StageProbe>(4)};
  StageBook of_driver(records[0], probes[0], clock);
  StageBook of_device(records[1], probes[1], clock);
  BothSides<> both({.stages = &of_driver}, {.stages = &of_device});
  ToyDevice toy;
  REQUIRE(both.devices.add(DeviceRef<RegionMemory>(toy), {}, 3).ok());
  both.connect();
  REQUIRE(both.driver.devices().ok());
  Driver driver(both.driver, 3, both.arena());
  for (const Features ring : {kSplit, kPacked}) {
    REQUIRE(driver.negotiate(kToyFeatures | ring).ok());
    Slots slots;
    auto queue = driver.start_queue(1, 8, slots.of[1]);
    REQUIRE(queue.ok());
    REQUIRE(driver.start().ok());
    std::array<std::byte, 8> in{}, out{};
    for (int n = 0; n < 5; ++n) REQUIRE(echo(driver, *queue, 1, both.region(), in, out).has_value());
    REQUIRE(driver.reset().ok());
    for (const auto& side : records) {
      CHECK(side[0].device == 3);
      CHECK(side[0].queue == 1);
      CHECK(side[0].device_id == ToyDevice::kDeviceId);
      CHECK(side[0].size == 8);
      CHECK(side[0].packed == ring.has(VIRTIO_F_RING_PACKED));
      CHECK(side[1].side == StageSide::kNobody);
    }
  }
  CHECK(records[0][0].side == StageSide::kDriver);
  CHECK(records[1][0].side == StageSide::kDevice);
  for (const auto& side : records) {
    CHECK(side[0].life == 2);
    CHECK(side[0].requests == 10);
    CHECK(side[0].bells >= 2);
    CHECK(side[0].times[0].total >= 2);
    CHECK(side[0].times[1].total >= 2);
    CHECK(side[0].times[2].total >= 2);
  }
}
