// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The block device with a backend that takes its time: order, bounds, back-pressure, reset.
#include "support/blk_rig.hpp"
#include "support/slow_disk.hpp"

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::test;

namespace {

template <std::size_t kQueues = 1, std::size_t kDepth = 8>
struct SlowRig {
  explicit SlowRig(std::size_t most = SIZE_MAX) : bytes(64 * 512), disk(bytes, most), rig(disk) {}

  void write(std::uint64_t sector, unsigned seed, std::uint16_t queue = 0) {
    REQUIRE(rig.send(blk_header(VIRTIO_BLK_T_OUT, sector) + pattern(512, seed), 1, {}, {}, queue));
    rig.transport.serve();
  }
  void finish(std::size_t n, bool ok = true) {
    disk.finish(n, ok);
    rig.transport.serve_all();
  }

  Bytes bytes;
  SlowDisk disk;
  BlkRig<SlowDisk, kQueues, kDepth> rig;
};

Features without_order(Features ring) {
  ring.set(VIRTIO_F_IN_ORDER, false);
  return ring;
}

}  // namespace

TEST_CASE("a write is answered when the backend has it, not before") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    SlowRig<> s;
    s.rig.start(kind.features);
    s.write(4, 1);
    CHECK_FALSE(s.rig.receive());
    CHECK(s.disk.pending.size() == 1);
    s.finish(0);
    const auto answer = s.rig.receive();
    REQUIRE(answer);
    CHECK(answer->status() == VIRTIO_BLK_S_OK);
  }
}

TEST_CASE("requests are answered as they finish, or in order where that was negotiated") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    SlowRig<> s;
    s.rig.start(kind.features);
    for (unsigned n = 0; n < 3; ++n) s.write(n, n);
    s.finish(2);
    s.finish(0);
    s.finish(0, false);
    std::vector<std::size_t> order;
    for (std::size_t number = 0; const auto answer = s.rig.receive(0, &number);) {
      order.push_back(number);
      CHECK(answer->status() == (number == 1 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK));
    }
    if (kind.features.has(VIRTIO_F_IN_ORDER)) {
      CHECK(order == std::vector<std::size_t>{0, 1, 2});
    } else {
      CHECK(order == std::vector<std::size_t>{2, 0, 1});
    }
  }
}

TEST_CASE("what is more than the slots can hold stays in the ring and comes later") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    SlowRig<1, 2> s;
    s.rig.start(kind.features);
    for (unsigned n = 0; n < 7; ++n) s.write(n, n);
    CHECK(s.disk.pending.size() == 2);
    unsigned answers = 0;
    while (!s.disk.pending.empty()) {
      s.finish(0);
      while (s.rig.receive()) ++answers;
    }
    CHECK(answers == 7);
    CHECK(Bytes(s.bytes.begin() + 6 * 512, s.bytes.begin() + 7 * 512) == pattern(512, 6));
  }
}

TEST_CASE("a busy backend is asked again when something has finished") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    SlowRig<> s(1);
    s.rig.start(kind.features);
    for (unsigned n = 0; n < 5; ++n) s.write(n, n);
    CHECK(s.disk.pending.size() == 1);
    s.rig.transport.serve_all();
    CHECK(s.rig.device.counters().requests == 2);  // the others stay in the ring
    unsigned answers = 0;
    while (!s.disk.pending.empty()) {
      s.finish(0);
      while (s.rig.receive()) ++answers;
    }
    CHECK(answers == 5);
  }
}

TEST_CASE("the ranges of one request go to the backend one after the other") {
  SlowRig<> s;
  s.rig.start(without_order({}));
  REQUIRE(s.rig.send(
      blk_header(VIRTIO_BLK_T_WRITE_ZEROES) + blk_range(1, 1, 1) + blk_range(8, 2) + blk_range(3, 1), 1));
  s.rig.transport.serve();
  CHECK(s.disk.pending.size() == 1);
  CHECK(s.disk.pending[0].unmap);
  s.finish(0);
  CHECK_FALSE(s.rig.receive());
  CHECK(s.disk.pending[0].sector == 8);
  CHECK_FALSE(s.disk.pending[0].unmap);
  s.finish(0, false);
  const auto answer = s.rig.receive();
  REQUIRE(answer);
  CHECK(answer->status() == VIRTIO_BLK_S_IOERR);
  CHECK(s.disk.seen.size() == 2);  // after a failure the rest is not tried
}

TEST_CASE(
    "a request that the backend had no room for is tried again before anybody sleeps, whoever made the "
    "room") {
  SlowRig<2> s(1);
  s.rig.start({});
  s.write(1, 1, 1);
  REQUIRE(s.disk.pending.size() == 1);
  REQUIRE(s.rig.send(blk_header(VIRTIO_BLK_T_OUT, 2) + pattern(512, 2), 1, {}, {}, 0));
  (void)s.rig.device.service(0);  // finds the backend full
  s.disk.finish(0);
  (void)s.rig.device.service(1);  // collects; now the backend is quiet
  CHECK(s.rig.device.prepare_to_wait(0));
  (void)s.rig.device.service(0);
  CHECK(s.disk.pending.size() == 1);
}

TEST_CASE("serving one queue finishes the requests of another, which is then told") {
  SlowRig<2> s;
  s.rig.start({});
  s.write(1, 1, 0);
  s.write(2, 2, 1);
  s.disk.finish(1);
  s.rig.transport.notify(0, 0);
  s.rig.transport.serve();  // looks at queue 0 only
  CHECK(s.rig.device.prepare_to_wait(1));
  CHECK(s.rig.device.service(1).notify);
  CHECK(s.rig.receive(1));
  CHECK_FALSE(s.rig.receive(0));
}

TEST_CASE("one queue's unfinished requests leave another queue its share") {
  SlowRig<2, 2> s;
  s.rig.start({});
  for (unsigned n = 0; n < 5; ++n) s.write(n, n, 0);
  s.write(9, 9, 1);
  CHECK(s.disk.pending.size() == 3);
}

TEST_CASE("a reset waits for the backend, writes nothing more into the queue, and leaves nothing behind") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    SlowRig<> s;
    s.rig.start(kind.features);
    for (unsigned n = 0; n < 3; ++n) s.write(n, n);
    s.disk.finish(1);  // finished, and not yet seen by the device
    s.rig.device.stop();
    CHECK(s.disk.pending.empty());
    CHECK(s.disk.drains == 1);
    CHECK_FALSE(s.rig.queues[0].try_reap().ok());
    s.rig.start(kind.features);
    for (unsigned n = 0; n < 8; ++n) s.write(n, n + 5);  // all slots are free again
    CHECK(s.disk.pending.size() == 8);
    s.finish(0);
    std::size_t number = 0;
    CHECK(s.rig.receive(0, &number));
    CHECK(number == 3);
  }
}

TEST_CASE("the reset of one queue waits for the backend and the other queue goes on") {
  SlowRig<2> s;
  s.rig.start({VIRTIO_F_RING_RESET});
  s.write(1, 1, 0);
  s.write(2, 2, 1);
  REQUIRE(s.rig.transport.reset_queue(0).ok());
  CHECK(s.disk.pending.empty());
  s.rig.transport.serve_all();
  CHECK(s.rig.receive(1));
  s.write(3, 3, 1);
  s.finish(0);
  CHECK(s.rig.receive(1));
}

TEST_CASE("writes are durable when they complete, unless the cache is write-back") {
  const auto durable = [](Features without, std::optional<std::uint8_t> chosen) {
    SlowRig<> s;
    s.rig.start({}, without);
    if (chosen) {
      const std::byte byte{*chosen};
      (void)s.rig.transport.write_config(32, std::span(&byte, 1));
    }
    s.write(1, 1);
    return s.disk.pending[0].durable;
  };
  // §5.2.6.2, its three cases.
  CHECK(durable({VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_CONFIG_WCE}, {}));
  CHECK_FALSE(durable({VIRTIO_BLK_F_CONFIG_WCE}, {}));
  CHECK_FALSE(durable({}, {}));
  CHECK(durable({}, 0));
  CHECK_FALSE(durable({}, 1));
  CHECK(durable({VIRTIO_BLK_F_FLUSH}, {}));
}

TEST_CASE("without a write cache there is nothing to flush or to choose") {
  const Features with = device::blk_features(false, 1, true), without = device::blk_features(false, 1, false);
  CHECK(with.has(VIRTIO_BLK_F_FLUSH));
  CHECK(with.has(VIRTIO_BLK_F_CONFIG_WCE));
  CHECK_FALSE(without.has(VIRTIO_BLK_F_FLUSH));
  CHECK_FALSE(without.has(VIRTIO_BLK_F_CONFIG_WCE));
  device::WriteCache cache;
  cache.start(without);
  CHECK_FALSE(cache.write_back());
}

TEST_CASE("a disk that has grown is announced once") {
  struct Growing : SlowDisk {
    using SlowDisk::SlowDisk;
    std::uint64_t capacity() const { return sectors; }
    std::uint64_t sectors = 8;
  };
  Bytes bytes(64 * 512);
  Growing disk(bytes);
  BlkRig<Growing> rig(disk);
  rig.start({});
  CHECK(rig.config().capacity == 8);
  rig.device.recheck_capacity();
  CHECK_FALSE(rig.transport.take_config_change());
  disk.sectors = 64;
  CHECK(rig.config().capacity == 8);  // what was announced holds until the next announcement
  rig.device.recheck_capacity();
  CHECK(rig.transport.take_config_change());
  CHECK_FALSE(rig.transport.take_config_change());
  CHECK(rig.config().capacity == 64);
}
