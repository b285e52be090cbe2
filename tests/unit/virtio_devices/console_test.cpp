// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Console driver and device together: what a user of either sees.
#include "console_pair.hpp"

#include <hawser/transport/random.hpp>

#include <doctest/doctest.h>

#include "support/seed.hpp"

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::ConsolePair;

namespace {

Features split() {
  Features f = kQueueFeatures;
  f.set(VIRTIO_F_RING_PACKED, false);
  return f;
}
std::string text(std::size_t bytes) {
  std::string made;
  for (std::size_t n = 0; n < bytes; ++n) made += static_cast<char>('!' + (n * 7 + n / 90) % 90);
  return made;
}

}  // namespace

TEST_CASE("bytes go both ways on every port, in both queue formats") {
  for (const Features& features : {kQueueFeatures, split()}) {
    ConsolePair pair({}, features);
    REQUIRE(pair.start());
    REQUIRE(pair.driver.ports() == 3);
    for (int round = 0; round < 100; ++round) {
      for (std::uint16_t port = 0; port < 3; ++port) {
        const std::string there = text(static_cast<std::size_t>(round) * 9 + port + 1);
        REQUIRE(pair.write(port, there) == there.size());
        REQUIRE(pair.tapes[port].from_driver == there);
        pair.tapes[port].from_driver.clear();
        pair.tapes[port].to_driver = there;
        REQUIRE(pair.read(port) == there);
      }
    }
    CHECK_FALSE(pair.driver.broken());
    CHECK(pair.model.counters().messages_ignored == 0);
    CHECK(pair.driver.counters().messages_ignored == 0);
  }
}

TEST_CASE("ports are introduced with name, kind and size, and opened from both sides") {
  ConsolePair pair;
  pair.tapes[0].window = {132, 43};
  pair.tapes[1].window = {1, 1};  // no console: its size is nobody's business
  pair.tapes[2].somebody = false;
  REQUIRE(pair.start());
  CHECK(pair.driver.multiport());
  const auto& console = pair.driver.port(0);
  CHECK(console.present);
  CHECK(console.console);
  CHECK(console.connected);
  CHECK(console.name() == "console");
  CHECK(console.columns == 132);
  CHECK(console.rows == 43);
  const auto& log = pair.driver.port(1);
  CHECK_FALSE(log.console);
  CHECK(log.name() == "log");
  CHECK(log.columns == 0);
  CHECK(pair.driver.port(2).name() == "");
  CHECK_FALSE(pair.driver.port(2).connected);
  CHECK_FALSE(pair.driver.port(3).present);
  for (const auto& tape : pair.tapes) CHECK(tape.opened);
  pair.driver.stop();
  for (const auto& tape : pair.tapes) CHECK_FALSE(tape.opened);
}

TEST_CASE("somebody who comes, leaves or resizes is noticed") {
  ConsolePair pair;
  REQUIRE(pair.start());
  for (std::uint16_t port = 0; port < 3; ++port) CHECK(pair.driver.take_change(port));
  CHECK_FALSE(pair.driver.take_change(0));
  pair.tapes[2].somebody = false;
  pair.tapes[0].window = {80, 25};
  pair.tapes[1].window = {80, 25};
  pair.settle();
  CHECK(pair.driver.port(1).columns == 0);  // no console
  CHECK_FALSE(pair.driver.port(2).connected);
  CHECK(pair.driver.port(0).columns == 80);
  CHECK(pair.driver.port(0).rows == 25);
  CHECK(pair.driver.take_change(0));
  CHECK_FALSE(pair.driver.take_change(1));
  CHECK(pair.driver.take_change(2));
  pair.tapes[2].somebody = true;
  pair.settle();
  CHECK(pair.driver.port(2).connected);
}

TEST_CASE("somebody who leaves, or comes back, while we look is noticed") {
  for (const bool first : {false, true}) {
    ConsolePair pair;
    REQUIRE(pair.start());
    REQUIRE(pair.driver.port(2).connected);
    pair.tapes[2].next = {first, !first};
    pair.tapes[2].somebody = false;
    pair.settle();
    CHECK_FALSE(pair.driver.port(2).connected);
  }
}

TEST_CASE("a driver without multiport has port 0 at once, with its size from the configuration") {
  ConsolePair pair({.multiport = false});
  pair.tapes[0].window = {80, 24};
  pair.tapes[0].to_driver = "hello";
  REQUIRE(pair.start());
  CHECK_FALSE(pair.driver.multiport());
  CHECK(pair.driver.ports() == 1);
  CHECK(pair.driver.port(0).connected);
  (void)pair.driver.poll();
  CHECK(pair.driver.port(0).columns == 80);
  CHECK(pair.read(0) == "hello");
  CHECK(pair.write(0, "world") == 5);
  CHECK(pair.tapes[0].from_driver == "world");
  CHECK(pair.write(1, "nobody") == 0);
  pair.tapes[0].window = {100, 50};
  CHECK(pair.driver.poll());
  CHECK(pair.driver.take_change(0));
  CHECK(pair.driver.port(0).columns == 100);
  CHECK(pair.driver.port(0).rows == 50);
}

TEST_CASE("a full backend leaves the rest in the ring, in order, and nothing is lost") {
  ConsolePair pair;
  REQUIRE(pair.start());
  const std::string all = text(20000);
  pair.tapes[0].room = 100;
  std::size_t written = 0;
  while (const std::size_t done = pair.write(0, std::string_view(all).substr(written))) written += done;
  CHECK(written == 16 * 256);  // the driver's buffers are full too
  CHECK(pair.tapes[0].from_driver == all.substr(0, 100));
  CHECK(pair.driver.unwritten(0) == written);  // the first chain is not done yet
  CHECK(pair.write(1, "other ports go on") == 17);
  CHECK(pair.tapes[1].from_driver == "other ports go on");
  for (int round = 0; round < 5000 && pair.tapes[0].from_driver.size() < all.size(); ++round) {
    pair.tapes[0].room = 37;
    pair.transport.serve_all();
    written += pair.write(0, std::string_view(all).substr(written));
  }
  CHECK(pair.tapes[0].from_driver == all);
  CHECK(pair.driver.unwritten(0) == 0);
}

TEST_CASE("a driver that does not read leaves the rest in the backend") {
  ConsolePair pair;
  REQUIRE(pair.start());
  const std::string all = text(50000);
  pair.tapes[0].to_driver = all;
  pair.transport.serve_all();
  CHECK(pair.tapes[0].to_driver.size() == all.size() - 16 * 256);
  std::string got;
  for (int round = 0; round < 5000 && got.size() < all.size(); ++round) got += pair.read(0, 77);
  CHECK(got == all);
}

TEST_CASE("a backend that gives and takes a byte at a time loses nothing either") {
  ConsolePair pair;
  pair.tapes[0].step = 1;
  REQUIRE(pair.start());
  pair.tapes[0].to_driver = "drop by drop";
  std::string got;
  for (int n = 0; n < 40; ++n) got += pair.read(0);
  CHECK(got == "drop by drop");
  pair.write(0, "drop by drop");
  for (int n = 0; n < 40; ++n) pair.transport.serve_all();
  CHECK(pair.tapes[0].from_driver == "drop by drop");
}

TEST_CASE("bytes wait until the driver opens the port") {
  ConsolePair pair({.open_ports = false});
  REQUIRE(pair.start());
  pair.tapes[1].to_driver = "early";
  CHECK(pair.read(1).empty());
  CHECK_FALSE(pair.tapes[1].opened);
  pair.driver.open(1);
  pair.settle();
  CHECK(pair.tapes[1].opened);
  CHECK(pair.read(1) == "early");
  pair.driver.open(1, false);
  pair.settle();
  CHECK_FALSE(pair.tapes[1].opened);
  pair.tapes[1].to_driver = "late";
  CHECK(pair.read(1).empty());
  CHECK(pair.tapes[1].to_driver == "late");
}

TEST_CASE("a port can be unplugged and plugged in again while others work") {
  ConsolePair pair;
  REQUIRE(pair.start());
  pair.model.plug(1, false);
  pair.settle();
  CHECK_FALSE(pair.driver.port(1).present);
  CHECK(pair.driver.take_change(1));
  CHECK(pair.write(1, "nobody there") == 0);
  CHECK(pair.write(0, "still here") == 10);
  pair.model.plug(1, true);
  pair.settle();
  CHECK(pair.driver.port(1).present);
  CHECK(pair.driver.port(1).name() == "log");
  CHECK(pair.write(1, "back") == 4);
  CHECK(pair.tapes[1].from_driver == "back");
}

TEST_CASE("a port that was unplugged before the driver was ready is neither added nor removed") {
  ConsolePair pair;
  pair.model.plug(1, false);
  REQUIRE(pair.start());
  CHECK_FALSE(pair.driver.port(1).present);
  CHECK(pair.driver.port(2).present);
  pair.model.plug(1, true);
  pair.model.plug(1, false);  // before it could be announced
  pair.settle();
  CHECK_FALSE(pair.driver.port(1).present);
  CHECK(pair.driver.counters().messages_ignored == 0);  // a DEVICE_REMOVE of no port would be
}

TEST_CASE("a character for emergencies reaches port 0, other writes to the configuration do not") {
  ConsolePair pair;
  const le32 character('!');
  CHECK(pair.transport.write_config(8, wire_bytes(character)).ok());  // not even started
  CHECK(pair.tapes[0].from_driver == "!");
  CHECK_FALSE(pair.transport.write_config(0, wire_bytes(character)).ok());
  CHECK_FALSE(pair.transport.write_config(8, wire_bytes(character).first(1)).ok());
}

TEST_CASE(
    "when the device dies bytes in flight are counted as uncertain, and the driver resumes with the next "
    "one") {
  ConsolePair pair;
  const std::uint64_t free_before = pair.region.arena().free_bytes();
  REQUIRE(pair.start());
  pair.tapes[0].room = 0;
  REQUIRE(pair.write(0, "never to be seen") == 16);
  pair.transport.kill();
  pair.driver.suspend();
  CHECK(pair.driver.counters().uncertain_bytes == 16);
  CHECK(pair.write(0, "x") == 0);
  CHECK_FALSE(pair.driver.resume(pair.transport).ok());
  pair.transport.revive();
  pair.tapes[0].room = SIZE_MAX;
  REQUIRE(pair.driver.resume(pair.transport).ok());
  pair.settle();
  CHECK(pair.driver.port(0).name() == "console");
  REQUIRE(pair.write(0, "again") == 5);
  CHECK(pair.tapes[0].from_driver == "again");
  pair.tapes[2].to_driver = "too";
  CHECK(pair.read(2) == "too");
  pair.driver.stop();
  CHECK(pair.region.arena().free_bytes() == free_before);
  CHECK_FALSE(pair.region.arena().misused());
}

TEST_CASE("a console driver has its buffers back when the device has ended its reset, not before") {
  for (const Features& ring : {split(), kQueueFeatures}) {
    ConsolePair pair({}, ring);
    Arena& arena = pair.region.arena();
    const std::uint64_t all = arena.free_bytes();
    REQUIRE(pair.start());
    const std::uint64_t started = arena.free_bytes();
    pair.tapes[0].room = 0;
    REQUIRE(pair.write(0, "never to be seen") == 16);
    pair.transport.ignores_reset = true;
    for (int tries = 0; tries < 100; ++tries) {
      pair.driver.stop();
      CHECK(pair.driver.start(pair.transport).error() == TransportError::kTimeout);
      pair.driver.suspend();
      CHECK(pair.driver.resume(pair.transport).error() == TransportError::kTimeout);
    }
    CHECK(arena.free_bytes() == started);
    CHECK(pair.driver.counters().uncertain_bytes == 16);
    pair.transport.ignores_reset = false;
    pair.tapes[0].room = SIZE_MAX;
    REQUIRE(pair.start());
    CHECK(arena.free_bytes() == started);
    REQUIRE(pair.write(0, "again") == 5);
    CHECK(pair.tapes[0].from_driver == "again");
    pair.driver.stop();
    CHECK(arena.free_bytes() == all);
    CHECK_FALSE(arena.misused());
  }
}

TEST_CASE("a driver that is not started refuses politely") {
  driver::Console<ConsolePair::Transport> driver;
  std::byte bytes[4]{};
  CHECK(driver.write(0, bytes) == 0);
  CHECK(driver.read(0, bytes) == 0);
  CHECK_FALSE(driver.poll());
  CHECK_FALSE(driver.prepare_to_wait());
  CHECK_FALSE(driver.port(0).present);
  driver.open(0);
  driver.stop();
  driver.suspend();
}

TEST_CASE("an idle device waits for its backends, not for the driver") {
  ConsolePair pair;
  REQUIRE(pair.start());
  for (std::uint16_t index = 0; index < pair.model.queue_count(); ++index) {
    CHECK_FALSE(pair.model.prepare_to_wait(index));
    CHECK_FALSE(pair.model.service(index).more);
  }
  pair.tapes[0].room = 0;
  pair.write(0, "stuck");
  CHECK_FALSE(pair.model.prepare_to_wait(1));
  pair.tapes[0].room = 10;
  CHECK(pair.model.prepare_to_wait(1));
}

TEST_CASE("any interleaving of reads, writes, full backends and slow drivers keeps every byte in its place") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  for (int round = 0; round < 10; ++round) {
    ConsolePair pair({}, random.chance(50) ? kQueueFeatures : split());
    REQUIRE(pair.start());
    std::array<std::string, 3> there;
    std::array<std::string, 3> back;
    std::array<std::string, 3> got;
    for (int step = 0; step < 1500; ++step) {
      const auto port = static_cast<std::uint16_t>(random.below(3));
      test::Tape& tape = pair.tapes[port];
      const std::string bytes = text(random.below(900));
      switch (random.below(5)) {
        case 0:
          there[port] += bytes.substr(0, pair.write(port, bytes));
          break;
        case 1:
          tape.to_driver += bytes, back[port] += bytes;
          break;
        case 2:
          got[port] += pair.read(port, random.below(600));
          break;
        case 3:
          tape.room = random.below(2000);
          break;
        case 4:
          tape.step = 1 + random.below(300);
          break;
      }
      REQUIRE(there[port].starts_with(tape.from_driver));
      REQUIRE(back[port].starts_with(got[port]));
    }
    for (std::uint16_t port = 0; port < 3; ++port) {
      pair.tapes[port].room = pair.tapes[port].step = SIZE_MAX;
      for (int n = 0; n < 200; ++n) got[port] += pair.read(port);
      CHECK(pair.tapes[port].from_driver == there[port]);
      CHECK(got[port] == back[port]);
    }
  }
}
