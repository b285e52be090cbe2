// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device on the bus: queues set up, refused without a word, reset and served.
#include "device_frames.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

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
