// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Parcels that no courier would send, from either side.
#include "rig.hpp"

#include "../virtio_msg/toy_device.hpp"

#include "support/seed.hpp"

#include <hawser/transport/random.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::courier;

namespace {

using Bytes = std::vector<std::byte>;

template <Wire W>
void append(Bytes& bytes, const W& value) {
  const auto more = wire_bytes(value);
  bytes.insert(bytes.end(), more.begin(), more.end());
}

/// A running toy device with one honest chain on its way to it, and words put into the mouth of either side.
struct Attack {
  Attack() {
    REQUIRE(rig.devices.add(msg::DeviceRef<RegionMemory>(model), {}, 3).ok());
    rig.connect();
    device.emplace(rig.driver, std::uint16_t{3}, rig.arena);
    REQUIRE(device->negotiate({ToyDevice::kFeatureA}).ok());
    auto queue = device->start_queue(0, 16, slots);
    REQUIRE(queue.ok());
    driver_queue = std::move(*queue);
    REQUIRE(device->start().ok());
    rig.second.on_idle = nullptr;
    add(Token{1}, 4);
  }

  void add(Token token, std::uint32_t bytes) {
    const auto at = rig.arena.allocate(bytes + 128);
    const Segment readable[] = {{*at + 128, bytes}};
    const Segment writable[] = {{*at, 8}};
    REQUIRE(driver_queue.try_add(readable, writable, token).ok());
    (void)driver_queue.publish();
    device->notify(0, 0);
  }

  static Bytes parcel(Kind kind, std::uint32_t control, std::span<const courier::wire::Entry> entries,
                      std::size_t payload, std::uint8_t version = kVersion) {
    Bytes bytes;
    append(bytes, courier::wire::ParcelHeader{static_cast<std::uint8_t>(kind), version,
                                              static_cast<std::uint16_t>(entries.size()), control});
    for (const auto& entry : entries) append(bytes, entry);
    bytes.resize(bytes.size() + payload, std::byte{0x5a});
    return bytes;
  }
  void to_device(const Bytes& bytes) { say(rig.first, bytes); }
  void to_driver(const Bytes& bytes) { say(rig.second, bytes); }
  static void say(CopiedEnd& from, const Bytes& bytes) {
    const std::span<const std::byte> parts[] = {bytes};
    REQUIRE(from.parcels().try_send(parts).ok());
  }

  ToyDevice model;
  CourierRig rig;
  std::optional<CourierDriver> device;
  std::array<DriverSlot, 16> slots;
  AnyDriverQueue<RegionMemory> driver_queue;
};

courier::wire::Entry request(std::uint16_t chain, std::uint32_t length, std::uint32_t writable,
                             std::uint32_t at, std::uint32_t bytes) {
  return {3, 0, chain, 0, length, writable, at, bytes};
}

}  // namespace

TEST_CASE("a device side is broken by parcels that make no sense, and says by which") {
  struct Case {
    const char* reason;
    Bytes parcel;
  };
  const std::uint32_t now = 1000;  // after Attack() fewer control messages were sent: see below
  (void)now;
  const auto one = [](courier::wire::Entry entry, std::size_t payload) {
    return Attack::parcel(Kind::kRequests, 0, std::span(&entry, 1), payload);
  };
  const std::vector<Case> cases = {
      {"the peer sent a parcel without a header of this version", Bytes(4)},
      {"the peer sent a parcel without a header of this version",
       Attack::parcel(Kind::kRequests, 0, {}, 0, 9)},
      {"the peer sent a parcel of an unknown kind", Attack::parcel(Kind::kCompletions, 0, {}, 0)},
      {"the peer sent a parcel of an unknown kind", Attack::parcel(Kind{77}, 0, {}, 0)},
      {"the peer sent a parcel with bytes that belong to nothing", Attack::parcel(Kind::kRequests, 0, {}, 5)},
      {"the peer sent a parcel that ends within its bytes", one(request(1, 100, 0, 0, 100), 99)},
      {"the peer sent a chain beyond the limits it was told", one(request(1, 0, 0xffffffff, 0, 0), 0)},
      {"the peer sent a chain beyond the limits it was told", one(request(1, 0xffffffff, 8, 0, 10), 10)},
      {"the peer sent the pieces of a chain out of order", one(request(1, 100, 8, 50, 10), 10)},
      {"the peer sent the pieces of a chain out of order", one(request(1, 10, 8, 0, 20), 20)},
      {"the peer sent a chain of no bytes", one(request(1, 0, 0, 0, 0), 0)},
  };
  for (Case c : cases) {
    CAPTURE(std::string(c.reason));
    Attack attack;
    attack.rig.device_step();
    // Parcels carry the number of control messages; an honest count makes them current.
    if (c.parcel.size() >= sizeof(courier::wire::ParcelHeader)) {
      const le32 control = attack.rig.first.counters().messages_sent;
      std::memcpy(c.parcel.data() + 4, &control, 4);
    }
    attack.to_device(c.parcel);
    attack.rig.device_step();
    attack.rig.device_step();
    CHECK(attack.rig.device_end.state() == LinkState::kBroken);
    CHECK(std::string(attack.rig.device_end.broken_reason()) == c.reason);
    CHECK_FALSE(attack.model.started);
    attack.rig.device_end.reset();
    CHECK(attack.rig.device_end.state() != LinkState::kBroken);
  }
}

TEST_CASE("a driver side is broken by completions that make no sense, and says by which") {
  struct Case {
    const char* reason;
    courier::wire::Entry entry;
    std::size_t payload;
  };
  const std::vector<Case> cases = {
      {"the peer completed a chain that is not on its way", {3, 0, 60, 0, 4, 0, 0, 4}, 4},
      {"the peer completed a chain that is not on its way", {3, 0, 5, 0, 4, 0, 0, 4}, 4},
      {"the peer wrote more than a chain has room for", {3, 0, 0, 0, 9, 0, 0, 9}, 9},
      {"the peer sent the pieces of a completion out of order", {3, 0, 0, 0, 8, 0, 4, 4}, 4},
      {"the peer sent the pieces of a completion out of order", {3, 0, 0, 0, 8, 0, 0, 0}, 0},
      {"the peer sent the pieces of a completion out of order", {3, 0, 0, 0, 4, 0, 0, 5}, 5},
      {"the peer sent a parcel that ends within its bytes", {3, 0, 0, 0, 8, 0, 0, 8}, 7},
      {"the peer sent a parcel with bytes that belong to nothing", {3, 0, 0, 0, 8, 0, 0, 8}, 9},
  };
  for (const Case& c : cases) {
    CAPTURE(std::string(c.reason));
    Attack attack;
    attack.to_driver(Attack::parcel(Kind::kCompletions,
                                    static_cast<std::uint32_t>(attack.rig.second.counters().messages_sent),
                                    std::span(&c.entry, 1), c.payload));
    (void)attack.rig.driver.pump();
    (void)attack.rig.driver.pump();
    CHECK(attack.rig.driver_end.state() == LinkState::kBroken);
    CHECK(std::string(attack.rig.driver_end.broken_reason()) == c.reason);
    CHECK_FALSE(attack.rig.driver.up());
  }
}

// Else the driver would take back, and use again, memory that is still to be sent.
TEST_CASE("a chain is not complete before all of it has been sent, though others are") {
  for (const std::uint32_t bytes : {4u, 1000u, 20'000u}) {  // copied, sent from where it lies, in pieces
    Attack attack;
    const auto complete = [&](std::uint16_t chain) {
      const courier::wire::Entry entry{3, 0, chain, 0, 4, 0, 0, 4};
      const auto control = static_cast<std::uint32_t>(attack.rig.second.counters().messages_sent);
      attack.to_driver(Attack::parcel(Kind::kCompletions, control, std::span(&entry, 1), 4));
      (void)attack.rig.driver.pump();
    };
    attack.rig.first.say_full(true);
    attack.add(Token{2}, bytes);
    complete(0);
    const auto reaped = attack.driver_queue.try_reap();
    REQUIRE(reaped.ok());
    CHECK(reaped->token == Token{1});
    complete(1);
    CHECK_FALSE(attack.driver_queue.try_reap().ok());
    CHECK(std::string(attack.rig.driver_end.broken_reason()) ==
          "the peer completed a chain that is not on its way");
  }
}

TEST_CASE("completions of a device or a queue that is not there, or from before, change nothing") {
  Attack attack;
  const auto sent = static_cast<std::uint32_t>(attack.rig.second.counters().messages_sent);
  const courier::wire::Entry elsewhere{4, 0, 0, 0, 4, 0, 0, 4};
  const courier::wire::Entry other_queue{3, 9, 0, 0, 4, 0, 0, 4};
  const courier::wire::Entry good{3, 0, 0, 0, 4, 0, 0, 4};
  attack.to_driver(Attack::parcel(Kind::kCompletions, sent, std::span(&elsewhere, 1), 4));
  attack.to_driver(Attack::parcel(Kind::kCompletions, sent, std::span(&other_queue, 1), 4));
  attack.to_driver(Attack::parcel(Kind::kCompletions, 0, std::span(&good, 1), 4));
  for (unsigned n = 0; n < 4; ++n) (void)attack.rig.driver.pump();
  CHECK(attack.rig.driver.up());
  CHECK_FALSE(attack.driver_queue.try_reap().ok());
  attack.to_driver(Attack::parcel(Kind::kCompletions, sent, std::span(&good, 1), 4));
  (void)attack.rig.driver.pump();
  CHECK(attack.driver_queue.try_reap().ok());
}

TEST_CASE("when a device is taken away the courier lets go of its rings and buffers") {
  Attack attack;
  (void)attack.rig.driver.pump();  // the chain is on its way
  attack.rig.devices.remove(3);
  attack.rig.device_step();
  (void)attack.rig.driver.pump();
  REQUIRE(attack.device->removed());
  REQUIRE(attack.device->reset().ok());
  const Bytes before = attack.rig.driver_memory;
  const courier::wire::Entry completion = request(0, 8, 0, 0, 8);
  const auto now = static_cast<std::uint32_t>(attack.rig.second.counters().messages_sent);
  attack.to_driver(Attack::parcel(Kind::kCompletions, now, std::span(&completion, 1), 8));
  (void)attack.rig.driver.pump();
  CHECK(attack.rig.driver.up());
  CHECK(attack.rig.driver_memory == before);
}

TEST_CASE("more chains than a queue has places break the link, not the memory") {
  Attack attack;
  attack.rig.device_step();
  attack.model.started = false;
  const auto control = static_cast<std::uint32_t>(attack.rig.first.counters().messages_sent);
  std::vector<courier::wire::Entry> entries(kMaxEntries);
  for (unsigned n = 0; n < kMaxEntries; ++n) entries[n] = request(7, 0, 64, 0, 0);
  attack.to_device(Attack::parcel(Kind::kRequests, control, entries, 0));
  attack.rig.device_step();
  CHECK(attack.rig.device_end.state() == LinkState::kBroken);
  CHECK(std::string(attack.rig.device_end.broken_reason()) ==
        "the peer sent more chains than the queue has places");
}

TEST_CASE("random parcels never do more than break the link") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  unsigned broken = 0;
  for (unsigned round = 0; round < 300; ++round) {
    Attack attack;
    for (unsigned n = 0; n < 20; ++n) {
      const bool forward = random.chance(50);
      CopiedEnd& from = forward ? attack.rig.first : attack.rig.second;
      std::vector<courier::wire::Entry> entries(random.below(4));
      std::size_t payload = 0;
      for (auto& entry : entries) {
        const auto small = [&](unsigned most) { return static_cast<std::uint32_t>(random.below(most)); };
        const std::uint32_t bytes = small(40);
        entry = {static_cast<std::uint16_t>(random.chance(90) ? 3 : random.next()),
                 static_cast<std::uint16_t>(random.chance(90) ? 0 : random.next()),
                 static_cast<std::uint16_t>(random.chance(80) ? random.below(4) : random.next()),
                 0,
                 random.chance(70)   ? bytes
                 : random.chance(90) ? small(5000)
                                     : static_cast<std::uint32_t>(random.next()),
                 random.chance(90) ? small(100) : static_cast<std::uint32_t>(random.next()),
                 random.chance(80) ? 0 : small(60),
                 random.chance(95) ? bytes : static_cast<std::uint32_t>(random.next())};
        payload += bytes;
      }
      const auto sent = static_cast<std::uint32_t>(from.counters().messages_sent);
      Attack::say(from, Attack::parcel(forward ? Kind::kRequests : Kind::kCompletions,
                                       random.chance(90) ? sent : static_cast<std::uint32_t>(random.next()),
                                       entries, random.chance(95) ? payload : random.below(100)));
      attack.rig.device_step();
      (void)attack.rig.driver.pump();
      const bool ended = attack.rig.device_end.state() == LinkState::kBroken ||
                         attack.rig.driver_end.state() == LinkState::kBroken;
      broken += ended ? 1 : 0;
      if (ended) break;
    }
  }
  CHECK(broken > 100);
}
