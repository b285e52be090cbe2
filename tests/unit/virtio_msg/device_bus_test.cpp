// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device's side of a bus: bus messages, what is answered with silence, devices that come and go, notifications,
// and the end of a session.
#include "device_frames.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

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
  const unsigned stops = bus.five.stops;
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
  CHECK(bus.five.stops == stops + 1);  // whatever wakes for it has nobody who looks
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
  const unsigned stops = bus.five.stops;
  CHECK(bus.status(0x8f) == "8f000000");
  CHECK(bus.five.stops == stops + 1);
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
