// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Network driver and device together: what a user of either sees.
#include "net_pair.hpp"

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Bytes;
using hawser::test::NetPair;
using hawser::test::NetPairSetup;

namespace {

Bytes addressed(const Mac& to, std::size_t payload = 46) {
  Bytes frame = test::make_frame({}, test::pattern(payload));
  std::memcpy(frame.data(), to.data(), to.size());
  return frame;
}
constexpr Mac kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr Mac kGroup{0x01, 0x00, 0x5e, 0, 0, 7};
constexpr Mac kStranger{0x02, 9, 9, 9, 9, 9};

}  // namespace

TEST_CASE("frames go both ways, in both queue formats, with and without merged buffers") {
  for (const bool packed : {false, true}) {
    for (const bool mergeable : {false, true}) {
      NetPairSetup setup;
      setup.queue_features = packed ? test::packed_features() : test::split_features();
      setup.left_driver.mergeable = setup.right_driver.mergeable = mergeable;
      NetPair pair(setup);
      REQUIRE(pair.started);
      CHECK(pair.left.transport.negotiated().has(VIRTIO_F_RING_PACKED) == packed);
      for (int round = 0; round < 300; ++round) {  // several times around each ring
        const Bytes there = addressed(test::kRightMac, std::size_t{4} * static_cast<std::size_t>(round));
        const Bytes back = addressed(test::kLeftMac, static_cast<std::size_t>(round));
        REQUIRE(pair.send(pair.left, {}, there));
        REQUIRE(pair.send(pair.right, {}, back));
        REQUIRE(pair.receive(pair.right) == there);
        REQUIRE(pair.receive(pair.left) == back);
      }
      CHECK(pair.left.device.counters().sent == 300);
      CHECK(pair.right.device.counters().received == 300);
      CHECK_FALSE(pair.left.device.needs_reset());
      CHECK_FALSE(pair.right.driver.broken());
      pair.left.driver.stop();
      CHECK(pair.left.region.arena().free_bytes() == pair.left.region.arena().size());
    }
  }
}

TEST_CASE("a driver learns MAC, MTU and link from the configuration") {
  NetPairSetup setup;
  setup.left_device.mtu = 9000;
  NetPair pair(setup);
  CHECK(pair.left.driver.mac() == test::kLeftMac);
  CHECK(pair.left.driver.mtu() == 9000);
  CHECK(pair.right.driver.mtu() == 1500);
  CHECK_FALSE(pair.left.driver.link_up());  // it started first
  CHECK(pair.left.driver.poll());
  CHECK(pair.left.driver.link_up());
  CHECK(pair.right.driver.link_up());
  pair.right.driver.stop();
  CHECK(pair.left.driver.poll());
  CHECK_FALSE(pair.left.driver.link_up());
  CHECK_FALSE(pair.left.driver.poll());  // told once
}

TEST_CASE("a large frame whose cutting both drivers leave undone arrives whole, over merged buffers") {
  NetPair pair;
  Bytes frame = test::make_frame({}, test::pattern(64000));
  const NetHeader header = test::leave_segmentation(frame, 1448);
  REQUIRE(pair.send(pair.left, header, frame));
  NetHeader arrived;
  CHECK(pair.receive(pair.right, &arrived) == frame);
  CHECK(arrived == header);
  CHECK(pair.right.driver.counters().received.malformed == 0);
}

TEST_CASE("a receiver that accepts no offload gets finished frames of wire size") {
  NetPairSetup setup;
  setup.right_driver.receive = {};
  NetPair pair(setup);
  CHECK(pair.right.driver.receive_offloads() == NetOffloads{});
  Bytes frame = test::make_frame({}, test::pattern(10000));
  REQUIRE(pair.send(pair.left, test::leave_segmentation(frame, 1000), frame));
  for (int n = 0; n < 10; ++n) {
    NetHeader header;
    const auto segment = pair.receive(pair.right, &header);
    REQUIRE(segment.has_value());
    CHECK(header == NetHeader{});
    CHECK(segment->size() == 54 + 1000);
    CHECK(test::wrong_with(*segment) == "");
  }
  CHECK_FALSE(pair.receive(pair.right).has_value());
}

TEST_CASE("without merging, segmented frames come whole into buffers for the longest frame") {
  NetPairSetup setup;
  setup.right_driver.mergeable = false;
  setup.right_driver.receive_buffers = 8;
  NetPair pair(setup);
  Bytes frame = test::make_frame({.ipv6 = true}, test::pattern(65000));
  REQUIRE(pair.send(pair.left, test::leave_segmentation(frame, 1400), frame));
  CHECK(pair.receive(pair.right) == frame);
}

TEST_CASE("a frame longer than the receive buffers is dropped and counted, the next one arrives") {
  NetPairSetup setup;
  setup.left_device.mtu = 9000;
  setup.right_driver.mergeable = false;
  setup.right_driver.receive = {};
  NetPair pair(setup);
  REQUIRE(pair.send(pair.left, {}, addressed(test::kRightMac, 5000)));
  REQUIRE(pair.send(pair.left, {}, addressed(test::kRightMac, 500)));
  CHECK(pair.receive(pair.right) == addressed(test::kRightMac, 500));
  CHECK(pair.right.device.counters().receive_too_long == 1);
}

TEST_CASE("frames beyond the MTU are refused by the driver") {
  NetPair pair;
  CHECK(pair.send(pair.left, {}, Bytes(1500 + 18)));
  const Bytes frame(1500 + 19);
  const std::span<const std::byte> part(frame);
  CHECK(pair.left.driver.send(0, {}, std::span(&part, 1)).error() == driver::NetSendError::kTooLong);
}

TEST_CASE("a driver without the offload is told so by the driver itself") {
  NetPairSetup setup;
  setup.left_driver.send = {};
  NetPair pair(setup);
  Bytes frame = test::make_frame({}, test::pattern(100));
  const NetHeader header = test::leave_checksum(frame);
  const std::span<const std::byte> part(frame);
  CHECK(pair.left.driver.send(0, header, std::span(&part, 1)).error() == driver::NetSendError::kMalformed);
}

TEST_CASE("a receiver without buffers holds the sender up and nothing is lost") {
  NetPair pair;
  int sent = 0;
  // Nobody receives: first the right ring fills, then the cable, then the left ring.
  for (;; ++sent) {
    if (!pair.send(pair.left, {}, addressed(test::kRightMac, static_cast<std::size_t>(sent) % 1400))) break;
    pair.serve();
    REQUIRE(sent < 10000);
  }
  CHECK(sent > 64 + 64 + 100);
  for (int n = 0; n < sent; ++n) {
    REQUIRE(pair.receive(pair.right) == addressed(test::kRightMac, static_cast<std::size_t>(n) % 1400));
  }
  CHECK_FALSE(pair.receive(pair.right).has_value());
  CHECK(pair.left.driver.counters().sent == static_cast<std::uint64_t>(sent));
}

TEST_CASE("frames that another was to follow are not held back when there is no room for it") {
  NetPair pair;
  const Bytes frame = addressed(test::kRightMac);
  const std::span<const std::byte> part(frame);
  std::uint64_t sent = 0;
  while (pair.left.driver.send(0, {}, std::span(&part, 1), true).ok()) REQUIRE(++sent < 1000);
  pair.serve();
  std::uint64_t got = 0;
  while (pair.receive(pair.right).has_value()) ++got;
  CHECK(got == sent);
  CHECK(pair.send(pair.left, {}, frame));
}

TEST_CASE("an idle device asks to be told of nothing that can not help it") {
  NetPair pair;
  pair.serve();
  CHECK_FALSE(pair.left.device.prepare_to_wait(0));
  CHECK_FALSE(pair.left.device.prepare_to_wait(1));
  const unsigned before = pair.right.transport.notifications;
  for (int n = 0; n < 32; ++n) {
    REQUIRE(pair.send(pair.left, {}, addressed(test::kRightMac)));
    REQUIRE(pair.receive(pair.right).has_value());
  }
  CHECK(pair.right.transport.notifications - before <= 4);  // buffers go back quietly
}

TEST_CASE("the address filter is off until the driver asks, then lets through only what it named") {
  NetPair pair;
  const auto passes = [&](const Mac& to) {
    REQUIRE(pair.send(pair.left, {}, addressed(to)));
    return pair.receive(pair.right).has_value();
  };
  CHECK(passes(kStranger));
  REQUIRE(pair.right.driver.set_promiscuous(false).ok());
  CHECK_FALSE(passes(kStranger));
  CHECK_FALSE(passes(kGroup));
  CHECK(passes(kBroadcast));
  CHECK(passes(test::kRightMac));
  REQUIRE(pair.right.driver.set_mac_table(std::span(&kStranger, 1), std::span(&kGroup, 1)).ok());
  CHECK(passes(kStranger));
  CHECK(passes(kGroup));
  REQUIRE(pair.right.driver.set_mac_table({}, {}).ok());
  CHECK_FALSE(passes(kGroup));
  REQUIRE(pair.right.driver.set_all_multicast(true).ok());
  CHECK(passes(kGroup));
  REQUIRE(pair.right.driver.set_mac(kStranger).ok());
  CHECK(passes(kStranger));
  CHECK_FALSE(passes(test::kRightMac));
  CHECK(pair.right.driver.mac() == kStranger);
  CHECK(pair.right.device.counters().receive_filtered == 4);

  std::vector<Mac> many(device::MacFilter::kEntries + 1, Mac{0x02, 1, 1, 1, 1, 1});
  REQUIRE(pair.right.driver.set_mac_table(many, {}).ok());
  CHECK(passes(Mac{0x02, 8, 8, 8, 8, 8}));  // more than it remembers: all unicast passes
  CHECK(pair.right.driver.set_mac(kGroup).error() == driver::NetCommandError::kRefused);
}

TEST_CASE("several queue pairs are used as far as both sides have them, each by itself") {
  NetPairSetup setup;
  setup.left_driver.pairs = setup.right_driver.pairs = 2;
  NetPair pair(setup);
  REQUIRE(pair.started);
  CHECK(pair.left.driver.pairs() == 2);
  CHECK(pair.left.device.pairs() == 2);
  REQUIRE(pair.send(pair.left, {}, addressed(test::kRightMac, 100), 0));
  REQUIRE(pair.send(pair.left, {}, addressed(test::kRightMac, 200), 1));
  CHECK(pair.receive(pair.right, nullptr, 1) == addressed(test::kRightMac, 200));
  CHECK(pair.receive(pair.right, nullptr, 0) == addressed(test::kRightMac, 100));
  CHECK(pair.left.driver.set_promiscuous(false).ok());  // the control queue is behind both
}

TEST_CASE("a driver of one pair and one of two understand each other") {
  NetPairSetup setup;
  setup.right_driver.pairs = 2;
  NetPair pair(setup);
  REQUIRE(pair.started);
  CHECK(pair.left.driver.set_promiscuous(true).ok());  // its control queue is queue 2
  REQUIRE(pair.send(pair.right, {}, addressed(test::kLeftMac, 100), 1));
  CHECK(pair.receive(pair.left) == addressed(test::kLeftMac, 100));
}

TEST_CASE("receive offloads can be switched off and on again while frames flow") {
  NetPair pair;
  const auto segments = [&] {
    Bytes frame = test::make_frame({}, test::pattern(3000));
    REQUIRE(pair.send(pair.left, test::leave_segmentation(frame, 1000), frame));
    int count = 0;
    while (pair.receive(pair.right)) ++count;
    return count;
  };
  CHECK(segments() == 1);
  REQUIRE(pair.right.driver.set_receive_offloads({}).ok());
  CHECK(segments() == 3);
  REQUIRE(pair.right.driver.set_receive_offloads(NetOffloads::all()).ok());
  CHECK(segments() == 1);
}

TEST_CASE("an announcement is asked for, seen and acknowledged") {
  NetPair pair;
  (void)pair.left.driver.poll();
  CHECK_FALSE(pair.left.driver.announcement_wanted());
  pair.left.device.announce();
  CHECK(pair.left.driver.poll());
  CHECK(pair.left.driver.announcement_wanted());
  CHECK(pair.left.driver.link_up());
  REQUIRE(pair.left.driver.acknowledge_announcement().ok());
  CHECK(pair.left.driver.poll());
  CHECK_FALSE(pair.left.driver.announcement_wanted());
}

TEST_CASE("when the device dies the driver drops what was in flight, and resumes with the next one") {
  NetPair pair;
  const std::uint64_t free_before = [&] {
    NetPair fresh;
    fresh.left.driver.stop();
    return fresh.left.region.arena().free_bytes();
  }();
  REQUIRE(pair.send(pair.left, {}, addressed(test::kRightMac, 1)));
  pair.left.transport.kill();
  REQUIRE(pair.send(pair.left, {}, addressed(test::kRightMac, 2)));  // nobody has told the driver yet
  pair.left.driver.suspend();
  CHECK(pair.left.driver.counters().lost == 2);
  CHECK_FALSE(pair.send(pair.left, {}, addressed(test::kRightMac, 3)));
  CHECK_FALSE(pair.receive(pair.left).has_value());
  CHECK_FALSE(pair.left.driver.resume(pair.left.transport).ok());  // still gone
  pair.left.transport.revive();
  REQUIRE(pair.left.driver.resume(pair.left.transport).ok());
  REQUIRE(pair.send(pair.left, {}, addressed(test::kRightMac, 4)));
  CHECK(pair.receive(pair.right) == addressed(test::kRightMac, 4));
  REQUIRE(pair.send(pair.right, {}, addressed(test::kLeftMac, 5)));
  CHECK(pair.receive(pair.left) == addressed(test::kLeftMac, 5));
  pair.left.driver.stop();
  CHECK(pair.left.region.arena().free_bytes() == free_before);
  CHECK_FALSE(pair.left.region.arena().misused());
}

TEST_CASE("a network driver has its buffers back when the device has ended its reset, not before") {
  for (const Features& ring : {test::split_features(), test::packed_features()}) {
    NetPair pair({.left_driver = {.pairs = 2}, .queue_features = ring});
    Arena& arena = pair.left.region.arena();
    const std::uint64_t started = arena.free_bytes();
    const Bytes frame = addressed(test::kRightMac, 1);
    REQUIRE(pair.send(pair.left, {}, frame));
    const std::uint64_t sending = arena.free_bytes();
    CHECK(sending < started);
    pair.left.transport.ignores_reset = true;
    for (int tries = 0; tries < 100; ++tries) {
      pair.left.driver.stop();
      CHECK(pair.left.driver.start(pair.left.transport).error() == TransportError::kTimeout);
      pair.left.driver.suspend();
      CHECK(pair.left.driver.resume(pair.left.transport).error() == TransportError::kTimeout);
    }
    CHECK(arena.free_bytes() == sending);
    CHECK(pair.left.driver.counters().lost == 1);
    pair.left.transport.ignores_reset = false;
    REQUIRE(pair.left.driver.start(pair.left.transport).ok());
    CHECK(arena.free_bytes() == started);
    REQUIRE(pair.send(pair.left, {}, frame));
    pair.left.driver.stop();
    CHECK(arena.free_bytes() == arena.size());
    CHECK_FALSE(arena.misused());
  }
}

TEST_CASE("a driver that is not started refuses politely") {
  driver::Net<test::NetSide<>::Transport> driver;
  Bytes frame(100);
  CHECK(driver.send(frame).error() == driver::NetSendError::kNotStarted);
  CHECK(driver.receive(0, frame).error() == driver::NetReceiveError::kNotStarted);
  CHECK(driver.command(0, 0, {}).error() == driver::NetCommandError::kNotStarted);
  CHECK_FALSE(driver.prepare_to_wait());
  CHECK_FALSE(driver.poll());
  driver.stop();
  driver.suspend();
}

TEST_CASE("an arena too small for one buffer is named, and nothing leaks") {
  auto cable = std::make_unique<device::Cable<>>();
  device::Net<RegionMemory, device::CableEnd> model(cable->left(), {.mac = test::kLeftMac});
  test::TestRegion region(64 * 1024);
  test::DirectTransport<decltype(model)> transport(region, model, test::packed_features());
  driver::Net<decltype(transport)> driver({.mergeable = false});
  const auto started = driver.start(transport);
  REQUIRE_FALSE(started.ok());
  CHECK(started.error() == TransportError::kNoMemory);
  CHECK(region.arena().free_bytes() == region.arena().size());
}
