// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Chains there and back through a courier, whatever the rings on either side look like.
#include "rig.hpp"

#include "../virtio_msg/toy_device.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;

namespace {

constexpr Features kToy{ToyDevice::kFeatureA, ToyDevice::kFeatureB};

struct Toy {
  explicit Toy(const CourierRigOptions& options = {}) : rig(options) {
    REQUIRE(rig.devices.add(msg::DeviceRef<RegionMemory>(model), {}, 3).ok());
    rig.connect();
    REQUIRE(rig.driver.devices()->has(3));
    device.emplace(rig.driver, std::uint16_t{3}, rig.arena);
    const auto features = device->negotiate(kToy | kQueueFeatures);
    REQUIRE(features.ok());
    chosen = *features;
    for (std::uint16_t n = 0; n < 2; ++n) {
      auto queue = device->start_queue(n, 16, slots[n]);
      REQUIRE(queue.ok());
      queues[n] = std::move(*queue);
    }
    REQUIRE(device->start().ok());
  }

  void add(unsigned queue, Token token, std::span<const std::byte> in, Offset out, std::uint32_t room) {
    const auto at = rig.arena.allocate(in.size());
    REQUIRE(at.has_value());
    last = rig.at(*at, in.size());
    std::memcpy(last.data(), in.data(), in.size());
    const Segment readable[] = {{*at, static_cast<std::uint32_t>(in.size())}};
    const Segment writable[] = {{out, room}};
    REQUIRE(queues[queue].try_add(readable, writable, token).ok());
  }
  void publish(unsigned queue) {
    if (queues[queue].publish())
      device->notify(static_cast<std::uint16_t>(queue), queues[queue].next_offset());
  }
  std::optional<Reaped> reap(unsigned queue) {
    const Instant deadline = rig.first.now() + seconds(1);
    while (rig.first.now() < deadline) {
      if (const auto reaped = queues[queue].try_reap(); reaped.ok()) return *reaped;
      if (!queues[queue].arm()) (void)device->wait(deadline);
    }
    return std::nullopt;
  }

  ToyDevice model;
  CourierRig rig;
  std::optional<CourierDriver> device;
  Features chosen;
  std::array<std::array<DriverSlot, 16>, 2> slots;
  std::array<AnyDriverQueue<RegionMemory>, 2> queues;
  std::span<std::byte> last;  ///< The readable bytes of the last chain.
};

}  // namespace

TEST_CASE("requests come back through two memories, split and packed on either side") {
  for (const Features& driver_ring : {kRingSplit, kRingPacked}) {
    for (const Features& device_ring : {Features{}, kRingSplit, kRingPacked}) {
      Toy toy({.driver_ring = driver_ring, .device_ring = device_ring});
      CHECK(toy.chosen.has(VIRTIO_F_RING_PACKED) == driver_ring.has(VIRTIO_F_RING_PACKED));
      CHECK(toy.model.negotiated.has(VIRTIO_F_RING_PACKED) == device_ring.has(VIRTIO_F_RING_PACKED));
      CHECK(toy.model.negotiated.has(VIRTIO_F_EVENT_IDX) == device_ring.has(VIRTIO_F_EVENT_IDX));
      const auto out = toy.rig.arena.allocate(64);
      for (unsigned round = 0; round < 100; ++round) {
        const std::array<std::byte, 3> in{std::byte{1}, std::byte{2}, static_cast<std::byte>(round)};
        toy.add(round % 2, Token{round}, in, *out, 8);
        toy.publish(round % 2);
        const auto reaped = toy.reap(round % 2);
        REQUIRE(reaped.has_value());
        CHECK(reaped->token == Token{round});
        CHECK(reaped->written == 3);
        CHECK(std::memcmp(toy.rig.at(*out, 3).data(), in.data(), 3) == 0);
      }
      CHECK(toy.model.served == 100);
      REQUIRE(toy.device->reset().ok());
      CHECK_FALSE(toy.model.started);
    }
  }
}

TEST_CASE("chains published together travel in one parcel each way") {
  Toy toy;
  std::array<Offset, 16> out;
  for (auto& at : out) at = *toy.rig.arena.allocate(64);
  const auto before = toy.rig.first.parcels_sent;
  const auto back_before = toy.rig.second.parcels_sent;
  for (unsigned n = 0; n < 8; ++n) {
    const std::array<std::byte, 1> in{static_cast<std::byte>(n)};
    toy.add(0, Token{n}, in, out[n], 8);
  }
  toy.publish(0);
  CHECK(toy.rig.first.parcels_sent - before == 1);
  for (unsigned n = 0; n < 8; ++n) {
    const auto reaped = toy.reap(0);
    REQUIRE(reaped.has_value());
    CHECK(toy.rig.at(out[reaped->token.value], 1)[0] == static_cast<std::byte>(reaped->token.value));
  }
  CHECK(toy.rig.second.parcels_sent - back_before <= 2);
}

TEST_CASE("a parcel that overtakes the message that it depends on is kept for later") {
  Toy toy;
  const auto out = toy.rig.arena.allocate(64);
  // A message to the device's side that it does not read yet; then a chain. The chain must wait for it.
  toy.rig.second.hold_control(true);
  std::array<std::byte, 16> frame{};
  frame[0] = std::byte{0x02};
  frame[6] = std::byte{8};
  const std::span<const std::byte> parts[] = {frame};
  REQUIRE(toy.rig.driver_end.channel().try_send(parts).ok());
  const std::array<std::byte, 1> in{std::byte{9}};
  toy.add(0, Token{1}, in, *out, 8);
  toy.publish(0);
  for (unsigned n = 0; n < 5; ++n) toy.rig.device_step();
  CHECK(toy.model.served == 0);
  toy.rig.second.hold_control(false);
  CHECK(toy.reap(0).has_value());
  CHECK(toy.model.served == 1);
}

TEST_CASE("a full carrier delays chains and loses none") {
  Toy toy;
  std::array<Offset, 8> out;
  for (auto& at : out) at = *toy.rig.arena.allocate(64);
  for (unsigned round = 0; round < 20; ++round) {
    (round % 2 == 0 ? toy.rig.first : toy.rig.second).say_full(true);
    for (unsigned n = 0; n < 8; ++n) {
      const std::array<std::byte, 2> in{static_cast<std::byte>(n), static_cast<std::byte>(round)};
      toy.add(0, Token{n}, in, out[n], 8);
    }
    toy.publish(0);
    for (unsigned n = 0; n < 3; ++n) toy.rig.device_step();
    CHECK_FALSE(toy.queues[0].try_reap().ok());
    toy.rig.first.say_full(false);
    toy.rig.second.say_full(false);
    for (unsigned n = 0; n < 8; ++n) {
      const auto reaped = toy.reap(0);
      REQUIRE(reaped.has_value());
      const auto bytes = toy.rig.at(out[reaped->token.value], 2);
      CHECK(bytes[0] == static_cast<std::byte>(reaped->token.value));
      CHECK(bytes[1] == static_cast<std::byte>(round));
    }
  }
}

TEST_CASE("a queue that was reset starts anew, and what was on its way to the old one is forgotten") {
  Toy toy;
  const auto out = toy.rig.arena.allocate(64);
  for (unsigned round = 0; round < 6; ++round) {
    const std::array<std::byte, 1> in{static_cast<std::byte>(round)};
    toy.rig.first.say_full(true);  // the chain stays in the courier...
    toy.add(0, Token{100 + round}, in, *out, 8);
    toy.publish(0);
    REQUIRE(toy.device->reset_queue(0).ok());
    toy.queues[0] = {};
    auto queue = toy.device->start_queue(0, 8, toy.slots[0]);
    REQUIRE(queue.ok());
    toy.queues[0] = std::move(*queue);
    toy.rig.first.say_full(false);  // ... until the queue is another one
    toy.add(0, Token{round}, in, *out, 8);
    toy.publish(0);
    const auto reaped = toy.reap(0);
    REQUIRE(reaped.has_value());
    CHECK(reaped->token == Token{round});
  }
  CHECK(toy.model.served == 6);
  CHECK(toy.rig.second.ring().held() == 0);
}

TEST_CASE(
    "bytes that had not been sent when their queue was reset are never sent, and those beside them are") {
  for (const std::size_t size :
       {std::size_t{1000}, std::size_t{100}}) {  // sent from where they lie, and copied first
    Toy toy;
    const auto out = toy.rig.arena.allocate(64);
    const std::vector<std::byte> in(size, std::byte{7});
    toy.rig.first.say_full(true);
    toy.add(0, Token{1}, in, *out, 8);
    const std::span<std::byte> taken_back = toy.last;
    toy.add(1, Token{2}, in, *out, 8);
    (void)toy.queues[1].publish();
    toy.publish(0);
    REQUIRE(toy.device->reset_queue(0).ok());
    std::fill(taken_back.begin(), taken_back.end(), std::byte{0xa5});

    toy.rig.second.on_idle = nullptr;
    toy.rig.first.say_full(false);
    (void)toy.rig.driver.pump();
    REQUIRE(toy.rig.second.ring().held() == 1);
    const auto ring = std::span(toy.rig.device_memory).first(CourierRigOptions{}.ring);
    CHECK(std::count(ring.begin(), ring.end(), std::byte{7}) >= static_cast<std::ptrdiff_t>(size));
    CHECK(std::count(ring.begin(), ring.end(), std::byte{0xa5}) < 8);
    toy.rig.second.on_idle = [&toy] { toy.rig.device_step(); };
    const auto reaped = toy.reap(1);
    REQUIRE(reaped.has_value());
    CHECK(reaped->token == Token{2});
    CHECK(toy.rig.at(*out, 1)[0] == std::byte{7});
    CHECK(toy.model.served == 1);
  }
}

TEST_CASE("nothing of a period of the link is left in the next, and the device works again") {
  Toy toy;
  const auto out = toy.rig.arena.allocate(64);
  const std::array<std::byte, 1> in{std::byte{5}};
  toy.add(0, Token{1}, in, *out, 8);
  toy.publish(0);
  toy.rig.world.connected = false;
  (void)toy.rig.driver.pump();
  toy.rig.device_step();
  CHECK_FALSE(toy.rig.driver.up());
  CHECK(toy.model.stops != 0);
  toy.rig.world.connected = true;
  toy.rig.connect();
  toy.queues = {};
  REQUIRE(toy.device->negotiate(kToy | kQueueFeatures).ok());
  auto queue = toy.device->start_queue(0, 16, toy.slots[0]);
  REQUIRE(queue.ok());
  toy.queues[0] = std::move(*queue);
  REQUIRE(toy.device->start().ok());
  toy.add(0, Token{2}, in, *out, 8);
  toy.publish(0);
  const auto reaped = toy.reap(0);
  REQUIRE(reaped.has_value());
  CHECK(reaped->token == Token{2});
}

TEST_CASE("devices that come and go leave neither queues nor chains behind on the driver's side") {
  CourierRig rig;
  rig.connect();
  for (unsigned round = 0; round < 6; ++round) {
    ToyDevice model;
    const auto number = rig.devices.add(msg::DeviceRef<RegionMemory>(model));
    REQUIRE(number.ok());
    std::array<std::array<DriverSlot, 16>, 2> slots;
    std::array<AnyDriverQueue<RegionMemory>, 2> queues;
    CourierDriver device(rig.driver, *number, rig.arena);
    REQUIRE(device.negotiate(kToy | kQueueFeatures).ok());
    for (std::uint16_t n = 0; n < 2; ++n) {
      auto queue = device.start_queue(n, 16, slots[n]);
      REQUIRE(queue.ok());
      queues[n] = std::move(*queue);
    }
    REQUIRE(device.start().ok());
    const auto at = rig.arena.allocate(64);
    const Segment readable[] = {{*at, 4}};
    REQUIRE(queues[1].try_add(readable, {}, Token{1}).ok());
    (void)queues[1].publish();
    device.notify(1, queues[1].next_offset());
    rig.device_step();
    REQUIRE(model.served == 1);
    while (!queues[1].try_reap().ok()) (void)device.wait(rig.first.now() + milliseconds(1));
    rig.first.say_full(true);
    REQUIRE(queues[1].try_add(readable, {}, Token{2}).ok());
    (void)queues[1].publish();
    device.notify(1, queues[1].next_offset());
    rig.devices.remove(*number);
    rig.device_step();
    (void)rig.driver.pump();
    REQUIRE(device.removed());
    rig.first.say_full(false);
    const std::vector<std::byte> before = rig.driver_memory;
    (void)rig.driver.pump();
    const std::size_t workspace = rig.driver_memory.size() - rig.driver_end.region().size();
    CHECK(std::equal(before.begin() + workspace, before.end(), rig.driver_memory.begin() + workspace));
  }
}
