// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver of one device: features, status, queues, reset, notification; and a device of v1.
#include "driver_frames.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

TEST_CASE("a v1 device: no tokens on the bus, an enumeration without end, 48 bytes, queues without flags") {
  Relay relay({}, {.wire = WireVersion::kV1}, 64);
  relay.toy = ToyDevice(60);
  relay.connect();
  std::size_t longest = 0;
  relay.on_response = [&](Bytes frame) {
    longest = std::max(longest, frame.size());
    if (frame[0] == std::byte{3}) write_wire(std::span(frame).subspan(4), le16(0));
    if (starts(frame, 3, 2)) write_wire(std::span(frame).subspan(12), le16(32));  // the captured next_offset
    return Relay::Frames{frame};
  };
  const auto found = relay.driver.devices();
  REQUIRE(found.ok());
  CHECK(found->has(5));
  CHECK(found->first() == 5);
  CHECK_FALSE(found->next(6).has_value());
  CHECK(relay.sent(2, 2) == 2);
  CHECK(relay.driver.ping().ok());

  Device device(relay);
  REQUIRE(device.ready().ok());
  CHECK(device.driver.info().wire == WireVersion::kV1);
  std::array<std::byte, 60> config{};
  REQUIRE(device.driver.read_config(0, config).ok());
  CHECK(config[59] == std::byte{59});
  CHECK(device.driver.write_config(0, std::span(config).first(8)).ok());
  CHECK(longest <= 48);
  CHECK(relay.toy.started);
  CHECK(relay.toy.queues[0].size() == 8);
  for (const Bytes& frame : relay.requests) {
    CHECK(frame.size() <= 48);
    if (starts(frame, 0, VIRTIO_MSG_SET_VQUEUE)) CHECK(hex(std::span(frame).subspan(12, 4)) == "00000000");
  }
  REQUIRE(device.driver.reset_queue(0).ok());
}

TEST_CASE("a device that refuses the features is told that the driver gives up") {
  Relay relay;
  relay.connect();
  Device device(relay);
  CHECK(device.driver.negotiate(Features{ToyDevice::kFeatureNeedsB}).error() ==
        TransportError::kRefusedFeatures);
  CHECK(hex(relay.requests.back()).substr(16) == "83000000");
  CHECK(device.driver.start().error() == TransportError::kNotPossible);
  CHECK(device.driver.start_queue(0, 8, device.slots).error() == TransportError::kNotPossible);
  CHECK(device.ready().ok());
}

TEST_CASE("a device without VERSION_1 is told that the driver gives up, and one with it is taken next") {
  Relay relay;
  relay.connect();
  Device device(relay);
  relay.on_response = changing(1, VIRTIO_MSG_GET_DEVICE_FEATURES, [](Bytes& frame) {
    frame[20] &= ~std::byte{1};  // bit 32
  });
  CHECK(device.driver.negotiate(kWanted).error() == TransportError::kMissingVersion1);
  CHECK(hex(relay.requests.back()).substr(16) == "83000000");
  CHECK(device.driver.start_queue(0, 8, device.slots).error() == TransportError::kNotPossible);
  relay.on_response = Relay::as_it_is;
  CHECK(device.ready().ok());
}

TEST_CASE("the driver takes no status bit back, but by a reset, and gives up with FAILED") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  device.driver.fail();
  REQUIRE(device.ready().ok());
  std::vector<unsigned> said;
  for (const Bytes& request : relay.requests) {
    if (starts(request, 0, VIRTIO_MSG_SET_DEVICE_STATUS))
      said.push_back(std::to_integer<unsigned>(request[8]));
  }
  CHECK(said == std::vector<unsigned>{0, 1, 3, 11, 15, 143, 0, 1, 3, 11, 15});
  device.driver.fail();
  CHECK_FALSE(relay.toy.broken);
  REQUIRE(device.driver.reset().ok());
}

TEST_CASE("no configuration is written before the features are agreed") {
  Relay relay;
  relay.connect();
  Device device(relay);
  const std::byte byte{7};
  const auto write = [&] { return device.driver.write_config(0, std::span(&byte, 1)); };
  REQUIRE(device.driver.open().ok());
  CHECK(write().error() == TransportError::kNotPossible);
  CHECK(relay.sent(0, VIRTIO_MSG_SET_CONFIG) == 0);
  REQUIRE(device.driver.negotiate(kWanted).ok());
  CHECK(write().ok());
  REQUIRE(device.driver.reset().ok());
  CHECK(write().error() == TransportError::kNotPossible);
}

TEST_CASE("features that no driver here wants are not accepted: SR_IOV, NOTIF_CONFIG_DATA, ORDER_PLATFORM") {
  Relay relay;
  relay.connect();
  Device device(relay);
  relay.on_response = changing(1, VIRTIO_MSG_GET_DEVICE_FEATURES, [](Bytes& frame) {
    frame[20] = frame[21] = std::byte{0xff};  // bits 32 to 47
  });
  relay.on_request = changing(0, VIRTIO_MSG_SET_DRIVER_FEATURES, [](Bytes& frame) {
    const unsigned high = std::to_integer<unsigned>(frame[20]) | std::to_integer<unsigned>(frame[21]) << 8;
    for (const unsigned bit : {VIRTIO_F_ORDER_PLATFORM, VIRTIO_F_SR_IOV, VIRTIO_F_NOTIF_CONFIG_DATA}) {
      CHECK((high >> (bit - 32) & 1) == 0);
    }
  });
  (void)device.driver.negotiate(kQueueFeatures | kWanted).ok();
  CHECK(relay.sent(0, VIRTIO_MSG_SET_DRIVER_FEATURES) == 1);
}

TEST_CASE("a queue that stays disabled is refused and its memory comes back") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.negotiate(kWanted).ok());
  relay.on_request = changing(0, VIRTIO_MSG_SET_VQUEUE, [](Bytes& frame) { frame[12] = std::byte{0}; });
  CHECK(device.driver.start_queue(0, 8, device.slots).error() == TransportError::kQueueRefused);
  CHECK(relay.arena().free_bytes() == relay.arena().size());
}

TEST_CASE("a queue that runs with another ring than ours keeps our memory until the device is reset") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.negotiate(kWanted).ok());
  relay.on_request = changing(0, VIRTIO_MSG_SET_VQUEUE, [](Bytes& frame) { set32(frame, 24, 0x8000); });
  CHECK(device.driver.start_queue(0, 8, device.slots).error() == TransportError::kBadAnswer);
  CHECK(relay.arena().free_bytes() < relay.arena().size());
  REQUIRE(device.driver.reset().ok());
  CHECK(relay.arena().free_bytes() == relay.arena().size());
}

TEST_CASE("a device that denies a queue which we have started does not get a second ring for it") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  relay.on_response = changing(1, VIRTIO_MSG_GET_VQUEUE, [](Bytes& frame) { frame[20] = std::byte{0}; });
  CHECK(device.driver.start_queue(0, 8, device.slots).error() == TransportError::kQueueRefused);
  relay.on_response = Relay::as_it_is;
  REQUIRE(device.driver.reset().ok());
  CHECK(relay.arena().free_bytes() == relay.arena().size());
}

TEST_CASE("queues: which ones exist, how large, not twice, and not without memory") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.negotiate(kWanted).ok());
  CHECK(*device.driver.queue_max_size(0) == 16);
  CHECK(*device.driver.queue_max_size(2) == 0);
  CHECK(device.driver.start_queue(2, 8, device.slots).error() == TransportError::kNoSuchQueue);
  CHECK(device.driver.start_queue(0, 32, device.slots).error() == TransportError::kQueueRefused);
  CHECK(device.driver.start_queue(0, 6, device.slots).error() == TransportError::kQueueRefused);
  CHECK(device.driver.start_queue(0, 16, std::span(device.slots).first(8)).error() ==
        TransportError::kQueueRefused);
  CHECK(relay.arena().free_bytes() == relay.arena().size());
  REQUIRE(device.driver.start_queue(0, 16, device.slots).ok());
  CHECK(device.driver.start_queue(0, 16, device.slots).error() == TransportError::kQueueRefused);
  CHECK(device.driver.reset_queue(1).error() == TransportError::kNoSuchQueue);
  const auto rest = relay.arena().free_bytes();
  while (relay.arena().allocate(64)) {
  }
  CHECK(device.driver.start_queue(1, 16, device.slots).error() == TransportError::kNoMemory);
  CHECK(rest > 0);
}

TEST_CASE("a reset that takes its time is polled until it is done; one that never ends is a timeout") {
  Relay relay(kHasty);
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  unsigned polls = 0;
  relay.on_response = [&](Bytes frame) {
    if (starts(frame, 1, VIRTIO_MSG_SET_DEVICE_STATUS)) set32(frame, 8, 4);
    if (starts(frame, 1, VIRTIO_MSG_GET_DEVICE_STATUS) && ++polls < 4) set32(frame, 8, 4);
    return Relay::Frames{frame};
  };
  CHECK(device.driver.reset().ok());
  CHECK(polls == 4);
  CHECK(relay.arena().free_bytes() == relay.arena().size());

  relay.on_response = Relay::as_it_is;
  REQUIRE(device.ready().ok());
  relay.on_response = [&](Bytes frame) {
    if (starts(frame, 1, VIRTIO_MSG_SET_DEVICE_STATUS) || starts(frame, 1, VIRTIO_MSG_GET_DEVICE_STATUS)) {
      set32(frame, 8, 4);
    }
    return Relay::Frames{frame};
  };
  CHECK(device.driver.reset().error() == TransportError::kTimeout);
  CHECK(relay.arena().free_bytes() < relay.arena().size());  // the device may still write there
}

TEST_CASE("rings stay out of use when their driver lets go of a device that was not seen to end its reset") {
  for (const bool link_lost : {false, true}) {
    CAPTURE(link_lost);
    Relay relay(kHasty);
    relay.connect();
    auto device = std::make_unique<Device>(relay);
    REQUIRE(device->ready().ok());
    if (link_lost) {  // the peer may be slow, and still see the memory
      relay.driver_pair.second().reset();
      (void)relay.driver.pump();
    }
    relay.on_response = Relay::nothing;
    CHECK_FALSE(device->driver.open().ok());
    CHECK_FALSE(device->driver.in_session());
    CHECK(device->driver.reset().error() == TransportError::kLinkDown);
    device.reset();
    CHECK(relay.arena().free_bytes() < relay.arena().size());
    CHECK_FALSE(relay.arena().misused());
  }
}

TEST_CASE("NOTIFICATION_DATA is only negotiated where messages carry it") {
  for (const auto notification : {Notification::kMarks, Notification::kMessages}) {
    DriverBusOptions driver{.notification = notification};
    Relay relay(driver, {.notification = Notification::kMessages});
    relay.connect();
    Device device(relay);
    const auto features =
        device.driver.negotiate(Features{VIRTIO_F_NOTIFICATION_DATA, VIRTIO_F_NOTIF_CONFIG_DATA});
    REQUIRE(features.ok());
    const bool messages = notification == Notification::kMessages;
    CHECK(features->has(VIRTIO_F_NOTIFICATION_DATA) == messages);
    CHECK_FALSE(features->has(VIRTIO_F_NOTIF_CONFIG_DATA));
    if (!messages) continue;
    REQUIRE(device.driver.start().ok());
    relay.requests.clear();
    device.driver.notify(0, 0x80000007);
    relay.step();
    REQUIRE(relay.requests.size() == 1);
    CHECK(hex(relay.requests[0]) == "00410500000010000000000007000080");
  }
}

TEST_CASE("with marks no notification message is ever sent, and none before DRIVER_OK either") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.negotiate(kWanted).ok());
  (void)relay.driver_pair.second().bell().take();
  device.driver.notify(3, 0);
  CHECK(relay.driver_pair.second().bell().take() == 0);
  REQUIRE(device.driver.start().ok());
  (void)relay.driver_pair.second().bell().take();
  relay.requests.clear();
  device.driver.notify(3, 0);
  CHECK(relay.driver_pair.second().bell().take() == mark_of(5, 3).bit());
  relay.step();
  CHECK(relay.requests.empty());
}
