// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The block driver with our own device: what it asks for, how it cuts, how it waits.
#include "support/blk_rig.hpp"
#include "support/slow_disk.hpp"

#include <hawser/virtio/driver/blk_waiting.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::test;
using driver::BlkError;
using driver::BlkRequest;

namespace {

constexpr std::size_t kDriverSectors = 512;

template <class Backend, std::size_t kQueues = 1>
struct Pair {
  using Model = device::Blk<RegionMemory, Backend>;
  using Transport = DirectTransport<Model>;
  using Driver = driver::Blk<Transport>;

  explicit Pair(Backend& backend, Features ring = {}, device::BlkOptions options = {.size_max = 1000},
                driver::BlkDriverOptions driver_options = {})
      : model(model_room, backend, options),
        transport(region, model, ring),
        driver(driver_room, driver_options) {}

  void start() { REQUIRE(driver.start(transport).ok()); }
  Instant soon() const { return transport.now() + seconds(1); }

  TestRegion region{std::size_t{4} << 20};
  device::BlkRoom<RegionMemory, kQueues, 8, 5> model_room;
  Model model;
  Transport transport;
  driver::BlkRoom<RegionMemory, 16, 12, kQueues, 64> driver_room;
  Driver driver;
};

struct MemoryPair : Bytes, device::MemoryDisk, Pair<device::MemoryDisk> {
  explicit MemoryPair(Features ring = {}, bool read_only = false,
                      device::BlkOptions options = {.size_max = 1000})
      : Bytes(pattern(kDriverSectors * 512, 1)),
        device::MemoryDisk(std::span<std::byte>(static_cast<Bytes&>(*this)), read_only),
        Pair<device::MemoryDisk>(*this, ring, options) {}
  Bytes& bytes() { return *this; }
};

}  // namespace

TEST_CASE("what was written can be read back, of any size, in every ring") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    MemoryPair p(kind.features);
    p.start();
    driver::WaitingBlk waiting(p.driver);
    for (const std::size_t sectors : {1u, 2u, 9u, 10u, 300u}) {
      CAPTURE(sectors);
      const Bytes data = pattern(sectors * 512, static_cast<unsigned>(sectors));
      REQUIRE(waiting.write(7, data, p.soon()).ok());
      Bytes back(data.size());
      REQUIRE(waiting.read(7, back, p.soon()).ok());
      CHECK(back == data);
      CHECK(Bytes(p.bytes().begin() + 7 * 512,
                  p.bytes().begin() + 7 * 512 + static_cast<std::ptrdiff_t>(data.size())) == data);
    }
    REQUIRE(waiting.flush(p.soon()).ok());
    const auto id = waiting.id(p.soon());
    REQUIRE(id.ok());
    CHECK(std::string(id->data()) == "hawser");
    p.driver.stop();
    CHECK(p.region.arena().free_bytes() == p.region.arena().size());
    CHECK_FALSE(p.region.arena().misused());
  }
}

TEST_CASE("a request after which more are announced is told of with the next one, or by poll()") {
  Bytes bytes(kDriverSectors * 512);
  SlowDisk disk(bytes);
  Pair<SlowDisk> p(disk);
  p.start();
  const Offset buffer = *p.region.arena().allocate(512);
  REQUIRE(p.driver.submit(BlkRequest::read(0, buffer, 512), true).ok());
  REQUIRE(p.driver.submit(BlkRequest::read(1, buffer, 512), true).ok());
  p.transport.serve();
  CHECK(disk.pending.empty());
  REQUIRE(p.driver.submit(BlkRequest::read(2, buffer, 512)).ok());
  p.transport.serve();
  CHECK(disk.pending.size() == 3);
  REQUIRE(p.driver.submit(BlkRequest::read(3, buffer, 512), true).ok());
  p.transport.serve();
  CHECK(disk.pending.size() == 3);
  p.driver.poll();
  p.transport.serve();
  CHECK(disk.pending.size() == 4);
}

TEST_CASE("requests are cut to the device's limits and to what the queue can hold") {
  Bytes bytes(kDriverSectors * 512);
  SlowDisk disk(bytes);
  Pair<SlowDisk> p(disk);  // 5 segments of 1000 bytes: 4608 bytes in whole sectors
  p.start();
  const Offset buffer = *p.region.arena().allocate(40 * 512);
  REQUIRE(p.driver.submit(BlkRequest::read(3, buffer, 40 * 512)).ok());
  REQUIRE(p.driver.submit(BlkRequest::read(0, buffer, 512)).ok());
  p.transport.serve();
  REQUIRE(disk.pending.size() == 6);
  std::uint64_t sector = 3;
  for (unsigned n = 0; n < 5; ++n) {
    CHECK(disk.pending[n].sector == sector);
    CHECK(disk.pending[n].bytes == (n < 4 ? 4608 : 40 * 512 - 4 * 4608));
    for (const Segment& segment : disk.pending[n].segments) CHECK(segment.bytes <= 1000);
    sector += disk.pending[n].bytes / 512;
  }
}

TEST_CASE("discards and zeroes are cut to their limits, a discard where the device likes it") {
  Bytes bytes(kDriverSectors * 512);
  SlowDisk disk(bytes);
  Pair<SlowDisk> p(
      disk, {},
      {.max_discard_sectors = 100, .discard_alignment_sectors = 16, .max_write_zeroes_sectors = 70});
  p.start();
  REQUIRE(p.driver.submit(BlkRequest::discard(5, 250 * 512)).ok());
  REQUIRE(p.driver.submit(BlkRequest::write_zeroes(1, 100 * 512, true)).ok());
  p.transport.serve();
  REQUIRE(disk.pending.size() == 5);
  CHECK(disk.pending[0].bytes == 91 * 512);  // 5 to 96
  CHECK(disk.pending[1].sector == 96);
  CHECK(disk.pending[1].bytes == 96 * 512);
  CHECK(disk.pending[2].sector == 192);
  CHECK(disk.pending[2].bytes == 63 * 512);
  CHECK(disk.pending[3].bytes == 70 * 512);
  CHECK(disk.pending[4].sector == 71);
  CHECK(disk.pending[4].unmap);
}

TEST_CASE("more than the tables and rings can hold is refused or waits, and all of it ends") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    MemoryPair p(kind.features);
    p.start();
    const Offset buffer = *p.region.arena().allocate(100 * 512);
    unsigned accepted = 0;
    while (accepted < 100) {
      const auto ticket = p.driver.submit(BlkRequest::read(accepted, buffer, 100 * 512, Token{accepted}));
      if (!ticket.ok()) {
        CHECK(ticket.error() == BlkError::kTableFull);
        break;
      }
      ++accepted;
    }
    CHECK(accepted == 16);
    unsigned ended = 0;
    while (ended < 16) {
      REQUIRE(p.driver.wait(p.soon()) == Wake::kRung);
      while (const auto done = p.driver.take()) {
        CHECK(done->result.ok());
        ++ended;
      }
    }
    CHECK(p.driver.unfinished() == 0);
    CHECK(p.driver.submit(BlkRequest::flush()).ok());
  }
}

TEST_CASE("what can't work is refused at once") {
  MemoryPair p;
  CHECK(p.driver.submit(BlkRequest::flush()).error() == BlkError::kNotStarted);
  p.start();
  const auto refused = [&](const BlkRequest& request) { return p.driver.submit(request).error(); };
  CHECK(refused(BlkRequest::read(0, Offset(0), 0)) == BlkError::kNotWholeSectors);
  CHECK(refused(BlkRequest::write(0, Offset(0), 513)) == BlkError::kNotWholeSectors);
  CHECK(refused(BlkRequest::read(kDriverSectors, Offset(0), 512)) == BlkError::kOutsideTheDisk);
  CHECK(refused(BlkRequest::read(UINT64_MAX, Offset(0), 512)) == BlkError::kOutsideTheDisk);
  CHECK(refused(BlkRequest::discard(1, kDriverSectors * 512)) == BlkError::kOutsideTheDisk);
  CHECK(refused(BlkRequest::read(0, Offset(p.region.bytes().size() - 511), 512)) ==
        BlkError::kBufferOutsideTheRegion);
  CHECK(refused(BlkRequest::tell_id(Offset(p.region.bytes().size() - 19))) ==
        BlkError::kBufferOutsideTheRegion);
  MemoryPair r({}, true);
  r.start();
  CHECK(r.driver.submit(BlkRequest::write(0, Offset(0), 512)).error() == BlkError::kReadOnly);
  CHECK(r.driver.submit(BlkRequest::discard(0, 512)).error() == BlkError::kReadOnly);
  CHECK(r.driver.limits().read_only);
}

TEST_CASE("a flush goes to the device only when all earlier changes are over, and later ones may pass it") {
  Bytes bytes(kDriverSectors * 512);
  SlowDisk disk(bytes);
  Pair<SlowDisk> p(disk);
  p.start();
  const Offset buffer = *p.region.arena().allocate(512);
  REQUIRE(p.driver.submit(BlkRequest::write(0, buffer, 512)).ok());
  REQUIRE(p.driver.submit(BlkRequest::write_zeroes(1, 512, false)).ok());
  REQUIRE(p.driver.submit(BlkRequest::flush()).ok());
  REQUIRE(p.driver.submit(BlkRequest::write(2, buffer, 512)).ok());
  REQUIRE(p.driver.submit(BlkRequest::read(2, buffer, 512)).ok());
  p.transport.serve();
  CHECK(disk.pending.size() == 4);
  disk.finish(1);
  p.transport.serve_all();
  p.driver.poll();
  p.transport.serve_all();
  CHECK(disk.pending.size() == 3);
  disk.finish(0);
  p.transport.serve_all();
  p.driver.poll();
  p.transport.serve_all();
  REQUIRE(disk.pending.size() == 3);
  CHECK(disk.pending[2].action == device::BlkAction::kFlush);
}

TEST_CASE("an error of the device ends the request with its name, once, and the rest of it is not tried") {
  Bytes bytes(kDriverSectors * 512);
  SlowDisk disk(bytes);
  Pair<SlowDisk> p(disk);
  p.start();
  const Offset buffer = *p.region.arena().allocate(100 * 512);
  const auto ticket = p.driver.submit(BlkRequest::write(0, buffer, 100 * 512, Token{5}));
  REQUIRE(ticket.ok());
  p.transport.serve();
  const std::uint64_t before = p.driver.counters().parts;
  REQUIRE(before < 12);  // of the 12 that it takes
  disk.finish(0, false);
  p.transport.serve_all();
  p.driver.poll();
  CHECK_FALSE(p.driver.take(*ticket));  // other parts are still with the device
  while (!disk.pending.empty()) {
    disk.finish(0);
    p.transport.serve_all();
    p.driver.poll();
    p.transport.serve_all();
  }
  const auto done = p.driver.take(*ticket);
  REQUIRE(done);
  CHECK(done->token == Token{5});
  CHECK(done->result.error() == BlkError::kDeviceError);
  CHECK_FALSE(p.driver.take(*ticket));
  CHECK_FALSE(p.driver.take());
  CHECK(p.driver.counters().parts == before);
  CHECK(p.driver.counters().failed == 1);
}

TEST_CASE("several queues share the work") {
  Bytes bytes(kDriverSectors * 512);
  SlowDisk disk(bytes);
  Pair<SlowDisk, 3> p(disk);
  p.start();
  CHECK(p.driver.queues() == 3);
  const Offset buffer = *p.region.arena().allocate(512);
  for (unsigned n = 0; n < 9; ++n) REQUIRE(p.driver.submit(BlkRequest::read(n, buffer, 512)).ok());
  p.transport.serve();
  CHECK(disk.pending.size() == 9);
  CHECK(p.transport.layouts.size() == 3);
  CHECK(p.transport.notifications >= 3);
  while (!disk.pending.empty()) {
    disk.finish(disk.pending.size() - 1);
    p.transport.serve_all();
  }
  p.driver.poll();
  CHECK(p.driver.unfinished() == 0);
}

TEST_CASE("a wait ends at its deadline, and the buffer stays out of use until the device is through") {
  Bytes bytes(kDriverSectors * 512);
  SlowDisk disk(bytes);
  Pair<SlowDisk> p(disk);
  p.start();
  driver::WaitingBlk waiting(p.driver);
  const std::uint64_t free = p.region.arena().free_bytes();
  const Instant until = p.transport.now() + milliseconds(20);
  CHECK(waiting.write(0, pattern(512, 3), until).error() == BlkError::kTimeout);
  CHECK(p.transport.now() == until);
  CHECK(p.region.arena().free_bytes() == free - 512);
  disk.finish(0);
  p.transport.serve_all();
  p.driver.poll();
  CHECK(p.region.arena().free_bytes() == free);
  CHECK_FALSE(p.driver.take());
  CHECK(waiting.flush(p.transport.now()).error() == BlkError::kTimeout);
}

TEST_CASE("waiting costs one sleep when the device is quick") {
  MemoryPair p({VIRTIO_F_EVENT_IDX});
  p.start();
  driver::WaitingBlk waiting(p.driver);
  Bytes sector(512);
  const unsigned before = p.transport.waits;
  REQUIRE(waiting.read(0, sector, p.soon()).ok());
  CHECK(p.transport.waits == before + 1);
}

TEST_CASE("without FLUSH a flush has nothing to do but to wait for the writes") {
  Bytes bytes(kDriverSectors * 512);
  struct NoFlush : device::Blk<RegionMemory, SlowDisk> {
    using Blk::Blk;
    Features offered() const {
      Features all = Blk::offered();
      all.set(VIRTIO_BLK_F_FLUSH, false);
      all.set(VIRTIO_BLK_F_CONFIG_WCE, false);
      return all;
    }
  };
  SlowDisk disk(bytes);
  TestRegion region;
  device::BlkRoom<RegionMemory> model_room;
  NoFlush model(model_room, disk);
  DirectTransport<NoFlush> transport(region, model);
  driver::BlkRoom<RegionMemory> room;
  driver::Blk<DirectTransport<NoFlush>> driver(room);
  REQUIRE(driver.start(transport).ok());
  const Offset buffer = *region.arena().allocate(512);
  REQUIRE(driver.submit(BlkRequest::write(0, buffer, 512, Token{1})).ok());
  REQUIRE(driver.submit(BlkRequest::flush(Token{2})).ok());
  transport.serve();
  CHECK(disk.pending.at(0).durable);
  CHECK_FALSE(driver.take());
  disk.finish(0);
  transport.serve_all();
  driver.poll();
  CHECK(driver.take()->token == Token{1});
  CHECK(driver.take()->token == Token{2});
  CHECK(disk.seen.size() == 1);
}

TEST_CASE("the write cache can be switched, and a new size is noticed") {
  Bytes bytes(kDriverSectors * 512);
  struct Growing : SlowDisk {
    using SlowDisk::SlowDisk;
    std::uint64_t capacity() const { return sectors; }
    std::uint64_t sectors = 8;
  };
  Growing disk(bytes);
  Pair<Growing> p(disk);
  p.start();
  CHECK(p.driver.capacity() == 8);
  REQUIRE(p.driver.set_write_back(false).ok());
  const Offset buffer = *p.region.arena().allocate(512);
  REQUIRE(p.driver.submit(BlkRequest::write(0, buffer, 512)).ok());
  p.transport.serve();
  CHECK(disk.pending.at(0).durable);
  disk.finish(0);
  p.transport.serve_all();
  p.driver.poll();
  REQUIRE(p.driver.take()->result.ok());
  REQUIRE(
      p.driver.submit(BlkRequest::flush()).ok());  // §5.2.6.1: what was written before the switch may need it
  p.transport.serve();
  CHECK(disk.pending.at(0).action == device::BlkAction::kFlush);
  disk.sectors = 100;
  p.model.recheck_capacity();
  p.driver.poll();
  CHECK(p.driver.take_config_change());
  CHECK_FALSE(p.driver.take_config_change());
  REQUIRE(p.driver.reload_config().ok());
  CHECK(p.driver.capacity() == 100);
}
