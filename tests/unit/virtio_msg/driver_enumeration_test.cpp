// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver's side of a bus: which devices there are, from lists that lie or do not end, and by message.
#include "driver_frames.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

TEST_CASE("enumerations that do not end by themselves end all the same") {
  struct Lie {
    const char* what;
    std::function<void(const Bytes&, Bytes&)> tell;
    std::size_t most_requests;
  };
  // Frames: offset@8, next_offset@10, count@12, bitmap@14.
  const Lie kLies[] = {
      {"next_offset is where we were",
       [](const Bytes& asked, Bytes& said) { std::copy_n(&asked[8], 2, &said[10]); }, 1},
      {"one step each time",
       [](const Bytes& asked, Bytes& said) {
         const auto offset = read_wire<le16>(std::span(asked).subspan(8));
         write_wire(std::span(said).subspan(10), le16(static_cast<std::uint16_t>(*offset + 1)));
       },
       64},
      {"far away", [](const Bytes&, Bytes& said) { write_wire(std::span(said).subspan(10), le16(0xffff)); },
       1},
  };
  for (const Lie& lie : kLies) {
    CAPTURE(lie.what);
    Relay relay(kHasty);
    relay.connect();
    Bytes asked;
    relay.on_request = [&](Bytes frame) {
      asked = frame;
      return Relay::Frames{frame};
    };
    relay.on_response = changing(3, 2, [&](Bytes& frame) { lie.tell(asked, frame); });
    const auto found = relay.driver.devices();
    if (found.ok()) CHECK(found->has(5));
    CHECK(relay.sent(2, 2) <= lie.most_requests);
    CHECK(relay.sent(2, 2) >= 1);
  }
}

TEST_CASE("a v1 list of devices that ends with next_offset 0 is not misread as an empty v2 list") {
  Relay relay({}, {.wire = WireVersion::kV1});
  relay.connect();
  const auto found = relay.driver.devices();
  REQUIRE(found.ok());
  CHECK(found->has(5));
}

TEST_CASE("a list of other devices than those asked for is a bad answer") {
  for (const std::size_t at : {8, 12}) {  // the offset; the count, one byte of bitmap more than asked for
    Relay relay(kHasty);
    relay.connect();
    relay.on_response = changing(3, 2, [=](Bytes& frame) {
      frame[at] = std::byte{at == 8 ? std::uint8_t{8} : std::uint8_t{72}};
      frame.resize(14 + 9);
      write_wire(std::span(frame).subspan(6), le16(static_cast<std::uint16_t>(at == 8 ? 18 : 23)));
      if (at == 8) frame.resize(18);
    });
    CHECK(relay.driver.devices().error() == TransportError::kBadAnswer);
  }
}

TEST_CASE("many devices are found through small windows") {
  Relay relay({}, {}, 52);
  std::vector<ToyDevice> toys(10);
  for (std::uint16_t n = 0; n < 10; ++n) {
    REQUIRE(relay.devices.add(DeviceRef<RegionMemory>(toys[n]), {}, static_cast<std::uint16_t>(n + 20)).ok());
  }
  // The device's side never tells of more than four devices at a time.
  relay.on_request = changing(2, 2, [](Bytes& frame) { write_wire(std::span(frame).subspan(10), le16(4)); });
  relay.connect();
  const auto found = relay.driver.devices();
  REQUIRE(found.ok());
  for (unsigned n = 0; n < 64; ++n) CHECK(found->has(n) == (n == 5 || (n >= 20 && n < 30)));
  CHECK(relay.sent(2, 2) == 8);
}

TEST_CASE("devices that come and go: gone before come, and what went unseen is only gone") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.open().ok());
  CHECK_FALSE(relay.driver.take_plug_event().has_value());
  relay.inject("0240 0000 0000 0c00 0500 0200");
  relay.inject("0240 0000 0000 0c00 0500 0100");
  relay.inject("0240 0000 0000 0c00 0700 0100");
  relay.inject("0240 0000 0000 0c00 0700 0200");
  relay.inject("0240 0000 0000 0c00 0800 0300");  // a state that nobody knows
  relay.inject("0240 0000 0000 0c00 ffff 0100");  // further than we look
  (void)relay.driver.pump();
  CHECK(device.driver.removed());
  CHECK(relay.driver.take_plug_event() == PlugEvent{5, false});
  CHECK(relay.driver.take_plug_event() == PlugEvent{7, false});
  CHECK(relay.driver.take_plug_event() == PlugEvent{5, true});
  CHECK_FALSE(relay.driver.take_plug_event().has_value());
  REQUIRE(device.driver.open().ok());
  CHECK_FALSE(device.driver.removed());
}
