// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device's side, frame by frame: what it answers, what it refuses without saying so, what it does not answer.
#include "frames.hpp"
#include "toy_device.hpp"

#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

namespace {

using Ref = DeviceRef<RegionMemory>;

/// A bus with the devices of the captures, 0 and 5, and a driver that speaks in hexadecimal.
template <std::uint32_t kMtu = 264, std::uint32_t kDepth = 8>
class Bus {
 public:
  explicit Bus(DeviceBusOptions options = {}, DeviceOptions device = {}) : bus(pair.second(), options) {
    storage.region.fill(std::byte{0});
    REQUIRE(bus.add(Ref(zero), device, 0).ok());
    REQUIRE(bus.add(Ref(five), device, 5).ok());
    connect();
  }

  void connect() {
    for (int i = 0; i < 20 && (pair.first().state() != LinkState::kUp || !bus.up()); ++i) {
      (void)pair.first().poll();
      (void)bus.step();
      pair.advance(milliseconds(1));
    }
    REQUIRE(bus.up());
  }

  bool send(std::string_view text) {
    const auto bytes = frame(text);
    const std::span<const std::byte> parts[] = {bytes};
    return pair.first().channel().try_send(parts).ok();
  }

  /// "" when nothing waits.
  std::string receive() {
    std::array<std::byte, kMtu> buffer;
    const auto size = pair.first().channel().try_receive(buffer);
    return size.ok() ? hex(std::span(buffer).first(*size)) : "";
  }

  void run() {
    (void)pair.first().poll();
    for (int i = 0; i < 3; ++i) (void)bus.step();
  }

  /// Sends one frame; everything that came back, frames separated by a blank.
  std::string ask(std::string_view text) {
    REQUIRE(send(text));
    run();
    std::string all;
    for (std::string one = receive(); !one.empty(); one = receive()) all += (all.empty() ? "" : " ") + one;
    return all;
  }

  std::string status(unsigned value) {
    char request[64];
    std::snprintf(request, sizeof request, "0008 0500 0102 0c00 %02x000000", value);
    const auto answer = ask(request);
    REQUIRE(answer.size() == 24);
    CHECK(answer.substr(0, 16) == "0108050001020c00");
    return answer.substr(16);
  }

  /// Device 5 up to FEATURES_OK with the given blocks 0 and 1.
  void negotiate(std::string_view block0 = "00000000", std::string_view block1 = "03000000") {
    CHECK(status(0) == "00000000");
    CHECK(status(1) == "01000000");
    CHECK(status(3) == "03000000");
    const std::string set =
        "0004 0500 0202 1800 00000000 02000000 " + std::string(block0) + std::string(block1);
    CHECK(ask(set) == "0104050002020800");
    CHECK(status(11) == "0b000000");
  }

  std::string set_queue(std::string_view index, std::string_view flags, std::string_view size,
                        std::string_view reserved = "00000000",
                        std::string_view addresses = "0010000000000000 0020000000000000 0030000000000000") {
    std::string text = "000a 0500 0302 3000";
    for (const auto part : {index, flags, size, reserved, addresses}) text += std::string(part);
    return ask(text);
  }
  std::string queue(std::string_view index = "00000000") {
    const auto answer = ask("0009 0500 0402 0c00" + std::string(index));
    REQUIRE(answer.size() == 96);
    CHECK(answer.substr(0, 16) == "0109050004023000");
    return answer.substr(16);
  }

  loopback::Storage<kMtu, kDepth> storage;
  loopback::Pair pair{storage};
  ToyDevice zero;
  ToyDevice five;
  DeviceBus<loopback::Link, 32> bus;
};

constexpr const char* kEmptyResponse = "010a050003020800";
constexpr const char* kUnconfigured =
    "00000000"
    "10000000"
    "00000000"
    "00000000"
    "000000000000000000000000000000000000000000000000";
constexpr const char* kEnabled =
    "00000000"
    "10000000"
    "08000000"
    "01000000"
    "001000000000000000200000000000000030000000000000";

}  // namespace

TEST_CASE("bus messages are answered with the bytes of the captures") {
  Bus bus;
  CHECK(bus.ask("0203 0000 0101 0c00 efbeadde") == "0303000001010c00efbeadde");
  CHECK(bus.ask("0202 0000 0201 0c00 0000 2000") ==
        "03020000020112000000"
        "0000"
        "2000"
        "21000000");
  CHECK(bus.ask("0202 0000 0301 0c00 0800 0800") ==
        "0302000003010f00"
        "0800"
        "1000"
        "0800"
        "00");
  CHECK(bus.ask("0202 0000 0401 0c00 0000 0000") ==
        "0302000004010e00"
        "0000"
        "0000"
        "0000");
  CHECK(bus.ask("0202 0000 0501 0c00 2800 0800") ==
        "0302000005010e00"
        "2800"
        "0000"
        "0000");
  CHECK(bus.ask("0202 0000 0601 0c00 0500 0300") ==
        "0302000006010f00"
        "0500"
        "0800"
        "0300"
        "01");
  CHECK(bus.ask("0202 0000 0601 0c00 0000 ffff") ==
        "030200000601120000000000"
        "2000"
        "21000000");
}

TEST_CASE("v1: bus messages keep v1's order of fields, and an enumeration ends") {
  Bus bus({.wire = WireVersion::kV1});
  CHECK(bus.ask("0202 0000 0201 0c00 0000 2000") == "030200000201120000002000000021000000");
  CHECK(bus.ask("0202 0000 0301 0c00 0800 0800") == "0302000003010f0008000800100000");
}

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

TEST_CASE("nothing is said about devices that are not there, events, responses, or what nobody knows") {
  Bus bus;
  CHECK(bus.ask("0002 0700 0801 0800") == "");
  CHECK(bus.ask("0002 2800 0801 0800") == "");
  CHECK(bus.ask("0002 ffff 0801 0800") == "");
  CHECK(bus.ask("003f 0500 1201 0800") == "");
  CHECK(bus.ask("0080 0500 1301 0800") == "");
  CHECK(bus.ask("00c0 0500 1301 0800") == "");
  CHECK(bus.ask("0102 0500 1401 0800") == "");
  CHECK(bus.ask("0303 0000 1401 0c00 efbeadde") == "");
  CHECK(bus.ask("0041 0500 0000 1000 00000000 00000000") == "");
  CHECK(bus.ask("0041 0500 0000 1000 ffffffff ffffffff") == "");
  CHECK(bus.ask("0042 0500 0000 0c00 00000000") == "");
  CHECK(bus.ask("0240 0000 0000 0c00 0500 0200") == "");
  CHECK(bus.ask("0002 0500 0801 0900") == "");
  CHECK(bus.ask("0203 0500 0101 0c00 efbeadde") == "");
  CHECK(bus.ask("00") == "");
  REQUIRE(bus.send(""));
  CHECK(bus.ask("0203 0000 0101 0c00 efbeadde") != "");
}

TEST_CASE("reserved type bits do not matter") {
  Bus bus;
  CHECK(bus.ask("fc02 0500 1501 0800").substr(0, 16) == "0102050015013400");
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

TEST_CASE("a queue is enabled as asked, once, and reads back") {
  Bus bus;
  bus.negotiate();
  CHECK(bus.queue() == kUnconfigured);
  CHECK(bus.set_queue("00000000", "01000000", "08000000") == kEmptyResponse);
  CHECK(bus.queue() == kEnabled);
  CHECK(bus.five.queues[0].size() == 8);
}

TEST_CASE("SET_VQUEUE without effect: everything that the specification names, each answered as usual") {
  Bus bus;
  bus.negotiate();
  struct Try {
    const char* index;
    const char* flags;
    const char* size;
    const char* reserved;
  };
  constexpr Try kTries[] = {
      {"0f270000", "01000000", "08000000", "00000000"},  // index 9999
      {"02000000", "01000000", "08000000", "00000000"},  // the first one that does not exist
      {"00000100", "01000000", "08000000", "00000000"},  // 65536: not queue 0
      {"00000000", "01000000", "08000000", "01000000"},  // reserved word
      {"00000000", "41000000", "08000000", "00000000"},  // flag bit 6
      {"00000000", "01000080", "08000000", "00000000"},  // flag bit 31
      {"00000000", "03000000", "08000000", "00000000"},  // op 3
      {"00000000", "01000000", "00000000", "00000000"},  // size 0
      {"00000000", "01000000", "11000000", "00000000"},  // larger than max_size
      {"00000000", "01000000", "08000100", "00000000"},  // 65544: not 8
      {"00000000", "01000000", "06000000", "00000000"},  // split, not a power of two
  };
  for (const Try& attempt : kTries) {
    CAPTURE(attempt.flags);
    CHECK(bus.set_queue(attempt.index, attempt.flags, attempt.size, attempt.reserved) == kEmptyResponse);
    CHECK(bus.queue() == kUnconfigured);
  }
  // Addresses that can not be a ring.
  CHECK(bus.set_queue("00000000", "01000000", "08000000", "00000000",
                      "0000ff0000000000 0020000000000000 0030000000000000") == kEmptyResponse);
  CHECK(bus.set_queue("00000000", "01000000", "08000000", "00000000",
                      "0110000000000000 0020000000000000 0030000000000000") == kEmptyResponse);
  CHECK(bus.set_queue("00000000", "01000000", "08000000", "00000000",
                      "ffffffffffffffff ffffffffffffffff ffffffffffffffff") == kEmptyResponse);
  CHECK(bus.queue() == kUnconfigured);
}

TEST_CASE("SET_VQUEUE on an enabled queue changes nothing") {
  Bus bus;
  bus.negotiate();
  (void)bus.set_queue("00000000", "01000000", "08000000");
  CHECK(bus.set_queue("00000000", "00000000", "10000000") == kEmptyResponse);  // op 0, other size
  CHECK(bus.queue() == kEnabled);
  CHECK(bus.set_queue("00000000", "3c000000", "10000000") == kEmptyResponse);  // op 0, ignoring everything
  CHECK(bus.queue() == kEnabled);
  CHECK(bus.set_queue("00000000", "02000000", "10000000") == kEmptyResponse);  // keep state, other size
  CHECK(bus.queue() == kEnabled);
  CHECK(bus.set_queue("00000000", "38000000", "10000000") == kEmptyResponse);  // only the size
  CHECK(bus.queue() == kEnabled);
  CHECK(bus.set_queue("00000000", "3d000000", "10000000") == kEmptyResponse);  // enable again
  CHECK(bus.queue() == kEnabled);
}

TEST_CASE("SET_VQUEUE sets fields one at a time and enables last") {
  Bus bus;
  bus.negotiate();
  CHECK(bus.set_queue("00000000", "38000000", "08000000") == kEmptyResponse);  // size
  CHECK(bus.queue().substr(16, 32) ==
        "08000000"
        "00000000"
        "0000000000000000");
  (void)bus.set_queue("00000000", "34000000", "00000000");  // descriptors
  (void)bus.set_queue("00000000", "2e000000", "00000000");  // driver area, keep state
  CHECK(bus.five.queues[0].size() == 0);
  (void)bus.set_queue("00000000", "1d000000", "00000000");  // device area, and enable
  CHECK(bus.queue() == kEnabled);
}

TEST_CASE("enabling a queue whose size was never set has no effect") {
  Bus bus;
  bus.negotiate();
  CHECK(bus.set_queue("00000000", "05000000", "08000000") == kEmptyResponse);
  CHECK(bus.queue() == kUnconfigured);
}

TEST_CASE("a queue can not be set up before FEATURES_OK") {
  Bus bus;
  bus.status(3);
  CHECK(bus.set_queue("00000000", "01000000", "08000000") == kEmptyResponse);
  CHECK(bus.queue() == kUnconfigured);
}

TEST_CASE("v1: SET_VQUEUE always enables, and GET_VQUEUE has no flags") {
  Bus bus({.wire = WireVersion::kV1});
  bus.negotiate();
  CHECK(bus.set_queue("00000000", "00000000", "08000000") == kEmptyResponse);
  CHECK(bus.five.queues[0].size() == 8);
  CHECK(bus.queue().substr(16, 16) ==
        "08000000"
        "00000000");
}

TEST_CASE("GET_VQUEUE for an index that does not exist: the index, and zeros") {
  Bus bus;
  CHECK(bus.queue("09000000") == "09000000" + std::string(72, '0'));
  CHECK(bus.queue("00000100") == "00000100" + std::string(72, '0'));
  CHECK(bus.queue("ffffffff") == "ffffffff" + std::string(72, '0'));
}

TEST_CASE(
    "RESET_VQUEUE: with RING_RESET the queue is gone and can be set up anew, without it nothing happens") {
  Bus bus;
  bus.negotiate("00000000", "03010000");
  (void)bus.set_queue("00000000", "01000000", "08000000");
  CHECK(bus.ask("000b 0500 2b01 0c00 09000000") == "010b05002b010800");
  CHECK(bus.ask("000b 0500 2b01 0c00 00000000") == "010b05002b010800");
  CHECK(bus.queue() == kUnconfigured);
  CHECK(bus.five.queues[0].size() == 0);
  (void)bus.set_queue("00000000", "01000000", "08000000");
  CHECK(bus.queue() == kEnabled);

  Bus without;
  without.negotiate();
  (void)without.set_queue("00000000", "01000000", "08000000");
  CHECK(without.ask("000b 0500 2b01 0c00 00000000") == "010b05002b010800");
  CHECK(without.queue() == kEnabled);
}

TEST_CASE("GET_SHM: there is none, with the id echoed") {
  Bus bus;
  CHECK(bus.ask("000c 0500 1101 0c00 07000000") == hex(frame("010c 0500 1101 2000 07000000 00*20")));
}

TEST_CASE(
    "100 PINGs, drained only when nothing else fits into the channel, are answered 100 times and in order") {
  Bus bus;  // eight messages fit into the channel each way
  unsigned sent = 0;
  unsigned answered = 0;
  unsigned most_undrained = 0;
  const auto drain_one = [&] {
    char pong[64];
    std::snprintf(pong, sizeof pong, "0303000001010c00%02x000000", answered);
    CHECK(bus.receive() == pong);
    ++answered;
  };
  while (sent < 100) {
    char ping[64];
    std::snprintf(ping, sizeof ping, "0203 0000 0101 0c00 %02x000000", sent);
    if (bus.send(ping)) {
      ++sent;
      most_undrained = std::max(most_undrained, sent - answered);
    } else {
      drain_one();
    }
    bus.run();
  }
  CHECK(most_undrained == 17);  // eight answers, one that waits for room, eight requests that are not read
  while (answered < 100) {
    drain_one();
    bus.run();
  }
  CHECK(bus.receive() == "");
}

TEST_CASE("devices that come and go are announced, and answer only while they are there") {
  Bus bus;
  ToyDevice late;
  const auto number = bus.bus.add(Ref(late));
  REQUIRE(number.ok());
  CHECK(*number == 1);
  bus.run();
  CHECK(bus.receive() ==
        "0240000000000c00"
        "0100"
        "0100");
  CHECK(bus.ask("0002 0100 0701 0800") != "");
  const unsigned stops = late.stops;
  bus.bus.remove(1);
  CHECK(late.stops == stops + 1);
  bus.run();
  CHECK(bus.receive() ==
        "0240000000000c00"
        "0100"
        "0200");
  CHECK(bus.ask("0002 0100 0701 0800") == "");
  // The number is not given again at once.
  CHECK(*bus.bus.add(Ref(late)) == 2);
}

TEST_CASE("a bus refuses devices that it has no room for") {
  loopback::Storage<> storage;
  loopback::Pair pair(storage);
  DeviceBus<loopback::Link, 2, 2> bus(pair.second());
  ToyDevice a;
  REQUIRE(bus.add(Ref(a), {}, 1).ok());
  CHECK(bus.add(Ref(a), {}, 1).error() == AddDeviceError::kNumberIsTaken);
  CHECK(bus.add(Ref(a), {}, 2).error() == AddDeviceError::kBusIsFull);
  REQUIRE(bus.add(Ref(a)).ok());
  CHECK(bus.add(Ref(a)).error() == AddDeviceError::kBusIsFull);
  DeviceBus<loopback::Link, 2, 1> narrow(pair.first());
  CHECK(narrow.add(Ref(a)).error() == AddDeviceError::kTooManyQueues);
}

TEST_CASE(
    "a queue that the driver broke stops that device with NEEDS_RESET and an event; the others run on") {
  Bus bus;
  bus.negotiate();
  (void)bus.set_queue("00000000", "01000000", "08000000");
  CHECK(bus.status(15) == "0f000000");
  // The available index, far ahead of anything.
  const le16 index = 1000;
  std::memcpy(bus.storage.region.data() + 0x2002, &index, 2);
  bus.run();
  CHECK(bus.receive() ==
        "0040050000001800"
        "4f000000"
        "00000000"
        "00000000"
        "00000000");
  CHECK(bus.receive() == "");
  CHECK(bus.ask("0007 0500 0102 0800") == "0107050001020c004f000000");
  CHECK(bus.ask("0203 0000 0101 0c00 efbeadde") != "");
  CHECK(bus.ask("0002 0000 0701 0800") != "");
  CHECK(bus.status(0) == "00000000");
  std::memset(bus.storage.region.data() + 0x2000, 0, 64);
  bus.negotiate();
  CHECK(bus.status(15) == "0f000000");
}

TEST_CASE("no queue is served before DRIVER_OK or after FAILED") {
  Bus bus;
  bus.negotiate();
  (void)bus.set_queue("00000000", "01000000", "08000000");
  const le16 one = 1;
  std::memcpy(bus.storage.region.data() + 0x2002, &one, 2);  // head 0: an empty chain at descriptor 0
  bus.run();
  CHECK(bus.five.served == 0);
  (void)bus.ask("0041 0500 0000 1000 00000000 00000000");
  CHECK(bus.five.served == 0);
  CHECK(bus.status(15) == "0f000000");
  CHECK(bus.five.served == 1);
  CHECK(bus.status(0x8f) == "8f000000");
  const le16 two = 2;
  std::memcpy(bus.storage.region.data() + 0x2002, &two, 2);
  bus.run();
  CHECK(bus.five.served == 1);
}

TEST_CASE("with messages, used buffers are announced by EVENT_USED, once for each queue that has some") {
  Bus bus({.notification = Notification::kMessages});
  bus.negotiate();
  (void)bus.set_queue("00000000", "01000000", "08000000");
  const le16 one = 1;
  std::memcpy(bus.storage.region.data() + 0x2002, &one, 2);
  REQUIRE(bus.send("0008 0500 0102 0c00 0f000000"));
  bus.run();
  CHECK(bus.receive() == "0108050001020c000f000000");
  CHECK(bus.receive() == "0042050000000c0000000000");
  CHECK(bus.receive() == "");
}

TEST_CASE("with marks, used buffers ring the queue's mark and no message is sent") {
  Bus bus;
  bus.negotiate();
  (void)bus.set_queue("01000000", "01000000", "08000000");
  const le16 one = 1;
  std::memcpy(bus.storage.region.data() + 0x2002, &one, 2);
  (void)bus.pair.first().bell().take();
  CHECK(bus.status(15) == "0f000000");
  CHECK((bus.pair.first().bell().take() & mark_of(5, 1).bit()) != 0);
  CHECK(mark_of(5, 1).number() == 41);
  CHECK(mark_of(5, 9).number() == 41);
  CHECK(mark_of(13, 1).number() == 41);
  CHECK(bus.receive() == "");
}

TEST_CASE("when the link ends, devices are stopped and nothing of that time is remembered") {
  Bus bus;
  bus.negotiate();
  (void)bus.set_queue("00000000", "01000000", "08000000");
  CHECK(bus.status(15) == "0f000000");
  REQUIRE(bus.send("0203 0000 0101 0c00 efbeadde"));
  bus.pair.first().reset();
  const unsigned stops = bus.five.stops;
  bus.connect();
  for (int i = 0; i < 20; ++i) {
    bus.run();
    bus.pair.advance(milliseconds(1));
  }
  REQUIRE(bus.pair.first().state() == LinkState::kUp);
  CHECK(bus.five.stops > stops);
  CHECK_FALSE(bus.five.started);
  CHECK(bus.receive() == "");
  CHECK(bus.ask("0007 0500 0102 0800") == "0107050001020c0000000000");
  CHECK(bus.queue() == kUnconfigured);
}

TEST_CASE("a message longer than the bus allows stops the devices; a new session starts them anew") {
  Bus<1024> bus;
  bus.negotiate();
  CHECK(bus.status(15) == "0f000000");
  REQUIRE(bus.send("0203 0000 0101 5802 00*592"));
  bus.run();
  CHECK(bus.bus.fault() == BusFault::kMessageTooLong);
  CHECK_FALSE(bus.five.started);
  bus.pair.first().reset();
  bus.connect();
  for (int i = 0; i < 20; ++i) {
    bus.run();
    bus.pair.advance(milliseconds(1));
  }
  CHECK(bus.ask("0203 0000 0101 0c00 efbeadde") == "0303000001010c00efbeadde");
}

TEST_CASE("PING from the device's side: the pong counts when it carries the right word") {
  Bus bus;
  REQUIRE(bus.bus.ping().ok());
  CHECK(bus.receive() == "0203000001000c0001000000");
  CHECK(bus.ask("0303 0000 0100 0c00 02000000") == "");
  CHECK_FALSE(bus.bus.take_pong());
  CHECK(bus.ask("0303 0000 0000 0c00 01000000") == "");
  CHECK(bus.bus.take_pong());
  CHECK_FALSE(bus.bus.take_pong());
}

TEST_CASE("a link with messages too short for virtio-msg is left alone, with a reason") {
  loopback::Storage<48> storage;
  loopback::Pair pair(storage);
  DeviceBus<loopback::Link, 2> bus(pair.second());
  REQUIRE(pair.connect());
  (void)bus.step();
  pair.first().reset();
  for (int i = 0; i < 20; ++i) {
    (void)pair.first().poll();
    (void)bus.step();
    pair.advance(milliseconds(1));
  }
  CHECK_FALSE(bus.up());
  CHECK(bus.fault() == BusFault::kMessagesTooShort);
  CHECK(std::string(describe(bus.fault())) != "");
}
