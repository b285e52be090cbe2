// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device on the bus: its configuration, generations, and the events that announce a change.
#include "device_frames.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

TEST_CASE("configuration: inside, at the edge, outside, and in pieces too large") {
  Bus bus;
  CHECK(bus.ask("0005 0500 0c01 1000 00000000 04000000") ==
        "0105050"
        "00c011800000000000000000004000000"
        "00010203");
  CHECK(bus.ask("0005 0500 0c01 1000 24000000 04000000").substr(32 + 8) == "24252627");
  CHECK(bus.ask("0005 0500 0c01 1000 28000000 00000000") ==
        "010505000c0114000000000028000000"
        "00000000");
  CHECK(bus.ask("0005 0500 0f01 1000 00100000 08000000") ==
        "010505000f0114000000000000100000"
        "00000000");
  CHECK(bus.ask("0005 0500 0f01 1000 25000000 04000000") ==
        "010505000f0114000000000025000000"
        "00000000");
  CHECK(bus.ask("0005 0500 0f01 1000 ffffffff ffffffff") == "");
  CHECK(bus.ask("0005 0500 0f01 1000 00000000 f5000000") == "");  // 245: one byte more than any answer holds
  CHECK(bus.ask("0005 0500 0f01 1000 00000000 f4000000") != "");
}

TEST_CASE("v1: configuration outside reads as ff, as v1 devices have it") {
  Bus bus({.wire = WireVersion::kV1});
  CHECK(bus.ask("0005 0500 0f01 1000 00100000 08000000") ==
        hex(frame("0105 0500 0f01 1c00 00000000 00100000 08000000 ffffffffffffffff")));
}

TEST_CASE("baseline: a write is applied whatever its generation, completely or not at all") {
  Bus bus;
  CHECK(bus.ask("0006 0500 1001 1600 63000000 02000000 02000000 aabb") ==
        "0106050010011600"
        "00000000"
        "02000000"
        "02000000"
        "aabb");
  CHECK(bus.five.config[2] == std::byte{0xaa});
  CHECK(bus.five.config[3] == std::byte{0xbb});
  // The last byte is not writable: nothing is written, and the answer has no data.
  CHECK(bus.ask("0006 0500 1001 1600 00000000 07000000 02000000 aabb") ==
        "0106050010011400"
        "00000000"
        "07000000"
        "00000000");
  CHECK(bus.five.config[7] == std::byte{7});
  CHECK(bus.ask("0006 0500 1001 1600 00000000 27000000 02000000 aabb") ==
        "0106050010011400"
        "00000000"
        "27000000"
        "00000000");
  CHECK(bus.ask("0006 0500 1001 1400 00000000 02000000 00000000") ==
        "0106050010011400"
        "00000000"
        "02000000"
        "00000000");
}

TEST_CASE("strict: a write with an old generation is refused, without an event") {
  Bus bus({.strict_config = true});
  bus.status(1);
  bus.five.config_changed = true;
  CHECK(bus.ask("0005 0500 0c01 1000 00000000 01000000").substr(0, 24) == "010505000c01150001000000");
  CHECK(bus.ask("0006 0500 1001 1500 00000000 02000000 01000000 aa") ==
        "0106050010011400"
        "01000000"
        "02000000"
        "00000000");
  CHECK(bus.five.config[2] == std::byte{2});
  CHECK(bus.ask("0006 0500 1001 1500 01000000 02000000 01000000 aa") ==
        "0106050010011500"
        "01000000"
        "02000000"
        "01000000"
        "aa");
  CHECK(bus.five.config[2] == std::byte{0xaa});
}

TEST_CASE("a change of configuration is a new generation and an event with the data, once") {
  Bus bus;
  bus.status(1);
  bus.five.config_changed = true;
  bus.run();
  const auto event = bus.receive();
  CHECK(event.substr(0, 48) ==
        "0040050000004000"
        "01000000"
        "01000000"
        "00000000"
        "28000000" +
            std::string());
  CHECK(event.size() == 2 * (24 + 40));
  CHECK(event.substr(48, 8) == "00010203");
  bus.run();
  CHECK(bus.receive() == "");
}

TEST_CASE("an event whose data does not fit is sent without: v2 says how much changed, v1 does not") {
  for (const auto wire : {WireVersion::kV1, WireVersion::kV2}) {
    Bus<60> bus({.wire = wire});  // 36 bytes of data at most
    bus.status(1);
    bus.five.config_changed = true;
    bus.run();
    CHECK(bus.receive() ==
          "0040050000001800"
          "01000000"
          "01000000"
          "00000000" +
              std::string(wire == WireVersion::kV2 ? "28000000" : "00000000"));
  }
}

TEST_CASE("a device that no driver has touched sends no event, and its generation still moves") {
  Bus bus;
  bus.five.config_changed = true;
  bus.run();
  CHECK(bus.receive() == "");
  CHECK(bus.ask("0005 0500 0c01 1000 00000000 01000000").substr(16, 8) == "01000000");
}
