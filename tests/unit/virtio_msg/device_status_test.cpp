// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device on the bus: what it says of itself, features, status.
#include "device_frames.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

TEST_CASE("device information is given to a driver that has not said anything yet") {
  Uuid uuid{};
  uuid[0] = 0xab;
  uuid[15] = 0xcd;
  Bus bus({}, {.uuid = uuid});
  CHECK(
      bus.ask("0002 0500 0701 0800") ==
      hex(frame(
          "0102 0500 0701 3400 2a000000 48575352 ab 00*14 cd 04000000 28000000 02000000 00000000 00000000")));
}

TEST_CASE("v1: device information in 24 bytes, features counted in bits") {
  Bus bus({.wire = WireVersion::kV1});
  CHECK(bus.ask("0002 0500 0701 0800") ==
        hex(frame("0102 0500 0701 2000 2a000000 48575352 80000000 28000000 02000000 0000 0000")));
}

TEST_CASE("offered features do not depend on the driver's choice and end in zeros") {
  Bus bus;
  // Bit 3; 28, 29; 32, 33, 34, 40; 70, 71. Not 38: a bus with marks has no next_offset. Not 39, ever.
  const std::string offered =
      "0103050001021c00"
      "00000000"
      "03000000"
      "08000030"
      "07010000"
      "c0000000";
  CHECK(bus.ask("0003 0500 0102 1000 00000000 03000000") == offered);
  bus.negotiate();
  CHECK(bus.ask("0003 0500 0102 1000 00000000 03000000") == offered);
  CHECK(bus.ask("0003 0500 0102 1000 03000000 02000000") ==
        "0103050001021800"
        "03000000"
        "02000000"
        "0000000000000000");
  CHECK(bus.ask("0003 0500 0102 1000 ffffffff 02000000") ==
        "0103050001021800"
        "ffffffff"
        "02000000"
        "0000000000000000");
  CHECK(bus.ask("0003 0500 0102 1000 00000000 00000000") ==
        "0103050001021000"
        "00000000"
        "00000000");
  CHECK(bus.ask("0003 0500 0102 1000 00000000 ff000000") == "");  // no message could hold that
}

TEST_CASE("NOTIFICATION_DATA is offered where EVENT_AVAIL carries it, NOTIF_CONFIG_DATA never") {
  DeviceOptions all;
  all.ring = Features{VIRTIO_F_NOTIFICATION_DATA, VIRTIO_F_NOTIF_CONFIG_DATA};
  const auto ask = "0003 0500 0102 1000 01000000 01000000";
  CHECK(Bus({.notification = Notification::kMarks}, all).ask(ask).substr(32) == "03000000");
  CHECK(Bus({.notification = Notification::kMessages}, all).ask(ask).substr(32) == "43000000");

  // Not even when the model would like to.
  Bus bus;
  ToyDevice greedy;
  greedy.also_offered = Features{VIRTIO_F_NOTIFICATION_DATA, VIRTIO_F_NOTIF_CONFIG_DATA};
  REQUIRE(bus.bus.add(Ref(greedy), {}, 6).ok());
  bus.run();
  CHECK(bus.receive() == "0240000000000c0006000100");
  CHECK(bus.ask("0003 0600 0102 1000 01000000 01000000").substr(32) == "07010000");
}

TEST_CASE(
    "FEATURES_OK is refused without VERSION_1 or ACCESS_PLATFORM, with unknown bits, or when the model "
    "objects") {
  const auto ends_with = [](std::string_view block0, std::string_view block1, std::string_view block2,
                            DeviceOptions options = {}) {
    Bus bus({}, options);
    bus.status(3);
    CHECK(bus.ask("0004 0500 0202 1c00 00000000 03000000" + std::string(block0) + std::string(block1) +
                  std::string(block2)) == "0104050002020800");
    return bus.status(11);
  };
  CHECK(ends_with("08000000", "03000000", "00000000") == "0b000000");
  CHECK(ends_with("08000000", "03000000", "c0000000") == "0b000000");
  CHECK(ends_with("00000000", "02000000", "00000000") == "03000000");  // no VERSION_1
  CHECK(ends_with("00000000", "01000000", "00000000") == "03000000");  // no ACCESS_PLATFORM
  CHECK(ends_with("00000000", "01000000", "00000000", {.access_platform = false}) == "0b000000");
  CHECK(ends_with("10000000", "03000000", "00000000") == "03000000");  // bit 4 was not offered
  CHECK(ends_with("00000000", "03000000", "80000000") == "03000000");  // 71 needs 70
}

TEST_CASE("a feature bit beyond those that exist is refused too") {
  Bus bus;
  bus.status(3);
  (void)bus.ask("0004 0500 0202 1800 00000000 02000000 00000000 03000000");
  (void)bus.ask("0004 0500 0202 1400 09000000 01000000 01000000");
  CHECK(bus.status(11) == "03000000");
  bus.negotiate();  // a reset forgets it
}

TEST_CASE("features are set block by block, and not any more after FEATURES_OK") {
  Bus bus;
  bus.status(3);
  CHECK(bus.ask("0004 0500 0202 1400 01000000 01000000 03000000") == "0104050002020800");
  CHECK(bus.ask("0004 0500 0202 1400 00000000 01000000 08000000") == "0104050002020800");
  CHECK(bus.status(11) == "0b000000");
  CHECK(bus.ask("0004 0500 0202 1400 00000000 01000000 00000000") == "0104050002020800");
  CHECK(bus.status(15) == "0f000000");
  CHECK(bus.five.negotiated == Features{3, VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM});
}

TEST_CASE("status: only bits that exist are stored, they are only added, and DRIVER_OK needs FEATURES_OK") {
  Bus bus;
  CHECK(bus.ask("0008 0500 0102 0c00 00010000").substr(16) == "00000000");  // 0x100 kills other devices
  CHECK(bus.status(0x41) == "01000000");                                    // NEEDS_RESET is not the driver's
  CHECK(bus.status(2) == "03000000");
  CHECK(bus.status(7) == "03000000");
  CHECK_FALSE(bus.five.started);
  bus.negotiate();
  CHECK(bus.status(15) == "0f000000");
  CHECK(bus.five.started);
  CHECK(bus.ask("0007 0500 0102 0800") == "0107050001020c000f000000");
  CHECK(bus.status(0) == "00000000");
  CHECK_FALSE(bus.five.started);
  CHECK(bus.status(0x80) == "80000000");
}
