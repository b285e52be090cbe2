// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The block driver when its device dies, comes back, comes back changed, or never.
#include "support/blk_rig.hpp"
#include "support/seed.hpp"
#include "support/slow_disk.hpp"

#include <hawser/virtio/driver/blk_waiting.hpp>

#include <doctest/doctest.h>

#include <random>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::test;
using device::BlkAction;
using driver::BlkError;
using driver::BlkRequest;

namespace {

constexpr std::size_t kLifeSectors = 64;

template <class Disk = SlowDisk>
struct Life {
  using Model = device::Blk<RegionMemory, Disk>;
  using Transport = DirectTransport<Model>;
  using Driver = driver::Blk<Transport>;

  explicit Life(Features ring = {}, driver::BlkDriverOptions options = {})
      : bytes(kLifeSectors * 512),
        disk(bytes),
        model(room, disk),
        transport(region, model, ring),
        driver(driver_room, options) {
    buffer = *region.arena().allocate(kLifeSectors * 512);
    REQUIRE(driver.start(transport).ok());
  }

  /// One sector that is all `value`.
  void write(std::uint64_t sector, unsigned value, std::uint64_t token = 0) {
    const Offset from = buffer + sector * 512;
    std::fill_n(region.at(from, 512).begin(), 512, static_cast<std::byte>(value));
    REQUIRE(driver.submit(BlkRequest::write(sector, from, 512, Token{token})).ok());
  }
  void finish(std::size_t n) {
    disk.finish(n);
    transport.serve_all();
  }
  /// The device and everything it knew are gone; the disk is not.
  void die() {
    transport.kill();
    driver.suspend();
  }
  void come_back() {
    transport.revive();
    REQUIRE(driver.resume(transport).ok());
    transport.serve();
  }
  void finish_all() {
    for (int turns = 0; turns < 1000 && (driver.unfinished() != 0 || !disk.pending.empty()); ++turns) {
      transport.serve_all();
      if (!disk.pending.empty()) finish(0);
      driver.poll();
    }
  }

  Bytes bytes;
  Disk disk;
  TestRegion region;
  device::BlkRoom<RegionMemory, 1, 8, 8> room;
  Model model;
  Transport transport;
  driver::BlkRoom<RegionMemory, 16, 8, 1, 64> driver_room;
  Driver driver;
  Offset buffer;
};

}  // namespace

TEST_CASE("what was in flight when the device died is done again, oldest first, and ends once") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    Life life(kind.features);
    for (unsigned n = 0; n < 6; ++n) life.write(n, 0x10 + n, n);
    life.transport.serve();
    life.finish(0);  // seen by the driver
    life.driver.poll();
    life.finish(1);  // answered (or waiting for its turn), and not seen
    const std::size_t before = life.disk.seen.size();
    life.die();
    CHECK(life.driver.state() == decltype(life)::Driver::State::kSuspended);
    CHECK(life.driver.unfinished() == 5);
    life.come_back();
    REQUIRE(life.disk.seen.size() == before + 5);
    for (unsigned n = 0; n < 5; ++n) CHECK(life.disk.seen[before + n].sector == n + 1);
    CHECK(life.driver.counters().resubmitted == 5);
    life.finish_all();
    std::vector<unsigned> ends(6);
    while (const auto done = life.driver.take()) {
      CHECK(done->result.ok());
      ++ends.at(done->token.value);
    }
    CHECK(ends == std::vector<unsigned>(6, 1));
    for (unsigned n = 0; n < 6; ++n) CHECK(life.bytes[n * 512] == static_cast<std::byte>(0x10 + n));
  }
}

TEST_CASE("a flush that was in flight comes after the writes before it when all is done again") {
  Life life;
  life.write(0, 1);
  life.write(1, 2);
  life.transport.serve();
  life.finish(0);
  life.finish(0);
  life.driver.poll();
  REQUIRE(life.driver.submit(BlkRequest::flush(Token{9})).ok());
  life.write(2, 3);
  life.write(3, 4);
  REQUIRE(life.driver.submit(BlkRequest::flush(Token{10})).ok());
  life.transport.serve();
  const std::size_t before = life.disk.seen.size();
  life.die();
  life.come_back();
  life.finish_all();
  std::vector<BlkAction> order;
  for (std::size_t n = before; n < life.disk.seen.size(); ++n) order.push_back(life.disk.seen[n].action);
  CHECK(order ==
        std::vector<BlkAction>{BlkAction::kFlush, BlkAction::kWrite, BlkAction::kWrite, BlkAction::kFlush});
}

TEST_CASE("requests are accepted while the device is gone and begin when it is back") {
  Life life;
  life.die();
  life.write(7, 0x77, 1);
  CHECK(life.driver.resume(life.transport).error() == TransportError::kLinkDown);
  CHECK(life.driver.state() == decltype(life)::Driver::State::kSuspended);
  life.driver.poll();
  CHECK_FALSE(life.driver.take());
  life.come_back();
  life.finish_all();
  REQUIRE(life.driver.take());
  CHECK(life.bytes[7 * 512] == std::byte{0x77});
  CHECK(life.driver.counters().resubmitted == 0);
}

TEST_CASE("a device that stays away longer than stated ends its requests with that name") {
  Life life({}, {.queue_features = kQueueFeatures, .stall_limit = seconds(5)});
  life.write(0, 1, 1);
  life.transport.serve();
  life.transport.pass(seconds(100));  // being slow is not being away
  life.driver.poll();
  CHECK_FALSE(life.driver.take());
  life.die();
  life.transport.pass(seconds(4));
  life.driver.poll();
  CHECK_FALSE(life.driver.take());
  life.transport.pass(seconds(1));
  life.driver.poll();
  const auto done = life.driver.take();
  REQUIRE(done);
  CHECK(done->result.error() == BlkError::kStalledTooLong);
  life.come_back();
  CHECK(life.disk.pending.empty());
}

TEST_CASE("a request that was given up is not done again, and its buffer is free when the device is back") {
  Life life;
  driver::WaitingBlk waiting(life.driver);
  const auto free = life.region.arena().free_bytes();
  const auto result = waiting.write(0, Bytes(512), life.transport.now() + milliseconds(1));
  CHECK(result.error() == BlkError::kTimeout);
  CHECK(life.region.arena().free_bytes() < free);
  life.die();
  CHECK(life.region.arena().free_bytes() < free);
  const std::size_t before = life.disk.seen.size();
  life.come_back();
  CHECK(life.region.arena().free_bytes() == free);
  CHECK(life.disk.seen.size() == before);
  CHECK_FALSE(life.driver.take());
  CHECK(life.driver.unfinished() == 0);
}

TEST_CASE("the buffer of a request that was given up is nobody's until the device has ended its reset") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    Life life(kind.features);
    driver::WaitingBlk waiting(life.driver);
    Arena& arena = life.region.arena();
    const auto free = arena.free_bytes();
    std::fill(life.bytes.begin(), life.bytes.end(), std::byte{0x5a});
    Bytes sector(512);
    CHECK(waiting.read(0, sector, life.transport.now() + milliseconds(1)).error() == BlkError::kTimeout);
    life.transport.ignores_reset = true;
    life.driver.suspend();
    for (int tries = 0; tries < 100; ++tries)
      CHECK(life.driver.resume(life.transport).error() == TransportError::kTimeout);
    CHECK(arena.free_bytes() == free - 512);

    // Whoever gets memory now is not written to by the device, late as it is.
    const std::uint64_t half = arena.free_bytes() / 2;
    const auto other = arena.allocate(half);
    REQUIRE(other);
    const auto bytes = life.region.at(*other, half);
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    life.finish(0);
    CHECK(std::count(bytes.begin(), bytes.end(), std::byte{0}) == static_cast<std::ptrdiff_t>(bytes.size()));
    arena.release(*other, half);

    life.transport.ignores_reset = false;
    life.come_back();
    CHECK(arena.free_bytes() == free);
    CHECK_FALSE(arena.misused());
    CHECK(waiting.write(1, Bytes(512), life.transport.now() + milliseconds(1)).error() == BlkError::kTimeout);
    life.finish_all();
    CHECK(arena.free_bytes() == free);
  }
}

TEST_CASE("a request that ends while the device may still use its buffer says so") {
  Life life({}, {.queue_features = kQueueFeatures, .stall_limit = seconds(5)});
  life.write(0, 1, 1);
  life.transport.serve();
  life.transport.ignores_reset = true;
  life.driver.suspend();
  life.write(1, 1, 2);  // the device never saw it
  life.transport.pass(seconds(5));
  life.driver.poll();
  for (const bool lent : {true, false}) {
    const auto done = life.driver.take();
    REQUIRE(done);
    CHECK(done->token == Token{lent ? 1u : 2u});
    CHECK(done->result.error() == BlkError::kStalledTooLong);
    CHECK(done->lent == lent);
  }
  life.transport.ignores_reset = false;
  life.come_back();
  CHECK(life.driver.unfinished() == 0);
  life.write(2, 1, 3);
  life.finish_all();
  const auto done = life.driver.take();
  REQUIRE(done);
  CHECK(done->result.ok());
  CHECK_FALSE(done->lent);
}

TEST_CASE("an end that nobody takes before the device is back does not lend its buffer any more") {
  Life life({}, {.queue_features = kQueueFeatures, .stall_limit = seconds(5)});
  life.write(0, 1, 1);
  life.transport.serve();
  life.die();
  life.transport.pass(seconds(5));
  life.driver.poll();
  life.come_back();
  const auto done = life.driver.take();
  REQUIRE(done);
  CHECK(done->result.error() == BlkError::kStalledTooLong);
  CHECK_FALSE(done->lent);
}

TEST_CASE("an end that is forgotten keeps its buffer until the device has ended its reset") {
  Life life({}, {.queue_features = kQueueFeatures, .stall_limit = seconds(5)});
  Arena& arena = life.region.arena();
  const auto free = arena.free_bytes();
  const auto buffer = arena.allocate(512);
  REQUIRE(buffer);
  const auto ticket = life.driver.submit(BlkRequest::read(0, *buffer, 512));
  REQUIRE(ticket.ok());
  life.transport.serve();
  life.die();
  life.transport.pass(seconds(5));
  life.driver.poll();
  life.driver.forget(*ticket, {*buffer, 512});
  CHECK_FALSE(life.driver.take());
  CHECK_FALSE(life.driver.take(*ticket));
  CHECK(arena.free_bytes() == free - 512);
  life.come_back();
  CHECK(arena.free_bytes() == free);
  CHECK_FALSE(arena.misused());
}

TEST_CASE("waiting for a device that is gone ends at once and says so") {
  Life life;
  driver::WaitingBlk waiting(life.driver);
  life.die();
  Bytes sector(512);
  CHECK(waiting.read(0, sector, Instant::never()).error() == BlkError::kNotRunning);
  CHECK(waiting.flush(Instant::never()).error() == BlkError::kNotRunning);
  CHECK(waiting.id(Instant::never()).error() == BlkError::kNotRunning);
  life.come_back();
  CHECK(life.disk.pending.empty());
}

TEST_CASE("what no longer fits the disk that came back ends with the reason") {
  struct Shrinking : SlowDisk {
    using SlowDisk::SlowDisk;
    std::uint64_t capacity() const { return sectors; }
    std::uint64_t sectors = kLifeSectors;
  };
  Life<Shrinking> life;
  life.write(1, 1, 1);
  life.write(40, 2, 2);
  life.transport.serve();
  life.die();
  life.disk.sectors = 16;
  life.model.recheck_capacity();
  life.come_back();
  const auto done = life.driver.take();
  REQUIRE(done);
  CHECK(done->token == Token{2});
  CHECK(done->result.error() == BlkError::kOutsideTheDisk);
  life.finish_all();
  CHECK(life.driver.take()->result.ok());
}

TEST_CASE("stopping ends everything with kCancelled and gives all memory back") {
  Life life;
  life.write(0, 1, 1);
  life.write(1, 1, 2);
  life.transport.serve();
  life.driver.stop();
  CHECK(life.disk.pending.empty());
  for (unsigned n = 0; n < 2; ++n) CHECK(life.driver.take()->result.error() == BlkError::kCancelled);
  CHECK_FALSE(life.driver.take());
  life.region.arena().release(life.buffer, kLifeSectors * 512);
  CHECK(life.region.arena().free_bytes() == life.region.arena().size());
  CHECK_FALSE(life.region.arena().misused());
  life.driver.poll();
  CHECK(life.driver.submit(BlkRequest::flush()).error() == BlkError::kNotStarted);
  REQUIRE(life.driver.start(life.transport).ok());
  CHECK(life.driver.submit(BlkRequest::flush()).ok());
}

TEST_CASE("stopping a device that does not end its reset gives no memory back before a reset that it ends") {
  Life life;
  driver::WaitingBlk waiting(life.driver);
  Arena& arena = life.region.arena();
  CHECK(waiting.write(0, Bytes(512), life.transport.now() + milliseconds(1)).error() == BlkError::kTimeout);
  life.write(1, 1, 1);
  life.transport.serve();
  const auto free = arena.free_bytes();
  life.transport.ignores_reset = true;
  for (int tries = 0; tries < 100; ++tries) {
    life.driver.stop();
    CHECK(arena.free_bytes() == free);
    CHECK(life.driver.start(life.transport).error() == TransportError::kTimeout);
  }
  const auto done = life.driver.take();
  REQUIRE(done);
  CHECK(done->result.error() == BlkError::kCancelled);
  CHECK(done->lent);
  CHECK_FALSE(life.driver.take());

  life.transport.ignores_reset = false;
  REQUIRE(life.driver.start(life.transport).ok());
  CHECK(life.driver.unfinished() == 0);
  life.driver.stop();
  arena.release(life.buffer, kLifeSectors * 512);
  CHECK(arena.free_bytes() == arena.size());
  CHECK_FALSE(arena.misused());
}

TEST_CASE("whatever dies whenever, nothing acknowledged is lost, nothing ends twice, everything ends") {
  HAWSER_TEST_SEED(seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    Life life(kind.features);
    std::array<unsigned, kLifeSectors> acknowledged{};
    std::array<bool, kLifeSectors> busy{};
    std::vector<std::pair<std::uint64_t, unsigned>> sent;  // by token
    std::size_t ended = 0;
    const auto reap = [&] {
      life.driver.poll();
      while (const auto done = life.driver.take()) {
        REQUIRE(done->result.ok());
        const auto [sector, value] = sent.at(done->token.value);
        REQUIRE(busy[sector]);  // twice would find it free
        busy[sector] = false;
        acknowledged[sector] = value;
        REQUIRE(life.bytes[sector * 512] == static_cast<std::byte>(value));
        ++ended;
      }
    };
    bool dead = false;
    for (unsigned step = 0; step < 4000; ++step) {
      switch (below(8)) {
        case 0:
        case 1:
        case 2: {
          const std::uint64_t sector = below(kLifeSectors);
          if (busy[sector] || life.driver.unfinished() >= 15) break;
          const auto value = static_cast<unsigned>(below(256));
          busy[sector] = true;
          sent.emplace_back(sector, value);
          life.write(sector, value, sent.size() - 1);
          break;
        }
        case 3:
        case 4:
          if (!dead) life.transport.serve();
          if (!life.disk.pending.empty()) life.finish(below(life.disk.pending.size()));
          break;
        case 5:
        case 6:
          reap();
          break;
        default:
          if (below(10) != 0) break;
          if (!dead) {
            life.die();
          } else {
            life.come_back();
          }
          dead = !dead;
      }
    }
    if (dead) life.come_back();
    life.finish_all();
    reap();
    CHECK(ended == sent.size());
    CHECK(ended > 200);
    for (std::size_t n = 0; n < kLifeSectors; ++n)
      CHECK(life.bytes[n * 512] == static_cast<std::byte>(acknowledged[n]));
  }
}
