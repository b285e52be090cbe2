// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A network device and its driver take several frames together: their order, their bounds, and what a burst does when it is cut
// short.
#include "net_pair.hpp"
#include "raw_driver.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Bytes;

namespace {

/// Takes as many frames as it has room for; gives what it is told to.
struct BurstSink {
  std::size_t room = SIZE_MAX;
  std::vector<Bytes> taken;
  std::deque<Bytes> coming;
  NetOffloads takes() const { return {}; }
  NetOffloads gives() const { return {}; }
  std::uint16_t queues() const { return 1; }
  std::uint16_t mtu() const { return 1500; }
  bool link_up() const { return true; }
  void start(const NetOffloads&, std::uint16_t) {}
  void adjust(const NetOffloads&, std::uint16_t) {}
  void stop() {}
  device::NetSent send(std::uint16_t, const NetHeader&, std::span<const std::span<const std::byte>> parts) {
    if (room == 0) return device::NetSent::kBusy;
    --room;
    Bytes frame;
    for (const auto part : parts) frame.insert(frame.end(), part.begin(), part.end());
    taken.push_back(frame);
    return device::NetSent::kSent;
  }
  bool can_send(std::uint16_t) const { return room != 0; }
  device::NetFrame front(std::uint16_t) {
    if (coming.empty()) return {};
    return {{}, coming.front()};
  }
  void pop(std::uint16_t) { coming.pop_front(); }
};
static_assert(device::NetBackend<BurstSink>);

using BurstDevice = device::Net<RegionMemory, BurstSink>;

struct BurstBench {
  explicit BurstBench(Features queue_features)
      : driver(model, queue_features | Features{VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_CTRL_VQ}) {}

  BurstSink sink;
  BurstDevice model{sink, {}};
  test::RawDriver<BurstDevice> driver;

  /// Frames of the numbers from `first`, without telling the device.
  void add_frames(unsigned first, unsigned count) {
    for (unsigned n = first; n < first + count; ++n) {
      Bytes frame(12 + 60);
      frame[12] = std::byte(n);
      REQUIRE(driver.add(1, {frame}, {}));
    }
  }
  /// Those that were taken, up to now, are the first ones, each once.
  bool in_order() const {
    for (std::size_t n = 0; n < sink.taken.size(); ++n) {
      if (sink.taken[n].size() != 60 || sink.taken[n][0] != std::byte(n)) return false;
    }
    return true;
  }
};

std::vector<Features> formats() {
  Features loose = test::packed_features();
  loose.set(VIRTIO_F_IN_ORDER, false);
  Features loose_split = test::split_features();
  loose_split.set(VIRTIO_F_IN_ORDER, false);
  return {test::packed_features(), test::split_features(), loose, loose_split};
}

}  // namespace

TEST_CASE("frames of several bursts arrive in order, each once, and all are given back") {
  for (const Features& format : formats()) {
    BurstBench bench(format);
    bench.add_frames(0, 200);
    bench.driver.publish(1);
    bench.driver.transport.serve();
    CHECK(bench.sink.taken.size() == 200);
    CHECK(bench.in_order());
    CHECK(bench.driver.completed(1) == 200);
    CHECK(bench.model.counters().sent == 200);
    CHECK(bench.model.counters().sent_bytes == 200 * 60);
  }
}

TEST_CASE("a queue that floods is served 64 frames at a time, and what it sent is shown each time") {
  for (const Features& format : formats()) {
    BurstBench bench(format);
    bench.add_frames(0, 200);
    bench.driver.publish(1);
    for (unsigned turn = 1; turn <= 3; ++turn) {
      CHECK(bench.model.service(1).more);
      CHECK(bench.sink.taken.size() == 64 * turn);
      CHECK(bench.driver.completed(1) == 64);
      // The other queues get their turn, whatever there is to come.
      REQUIRE(bench.driver.add(2, {Bytes(2)}, {1}));
      bench.driver.publish(2);
      CHECK_FALSE(bench.model.service(2).more);
      CHECK(bench.driver.completed(2) == 1);
      bench.sink.coming.emplace_back(60);
      REQUIRE(bench.driver.add(0, {}, {2000}));
      bench.driver.publish(0);
      CHECK_FALSE(bench.model.service(0).more);
      CHECK(bench.driver.completed(0) == 1);
    }
  }
}

TEST_CASE("frames to the driver are bounded as well") {
  BurstBench bench(test::packed_features());
  for (unsigned n = 0; n < 200; ++n) REQUIRE(bench.driver.add(0, {}, {2000}));
  bench.driver.publish(0);
  for (unsigned n = 0; n < 100; ++n) bench.sink.coming.emplace_back(60);
  CHECK(bench.model.service(0).more);
  CHECK(bench.driver.completed(0) == 64);
  CHECK_FALSE(bench.model.service(0).more);
  CHECK(bench.driver.completed(0) == 36);
}

TEST_CASE("a backend that takes part of a burst gets the rest later, from where it stopped") {
  for (const Features& format : formats()) {
    for (const std::size_t room : {0u, 1u, 20u, 31u, 32u, 33u, 50u}) {
      BurstBench bench(format);
      bench.sink.room = room;
      bench.add_frames(0, 100);
      bench.driver.publish(1);
      bench.driver.transport.serve();
      CHECK(bench.sink.taken.size() == room);
      CHECK(bench.driver.completed(1) == room);
      CHECK_FALSE(bench.model.service(1).more);
      CHECK_FALSE(bench.model.prepare_to_wait(1));  // whoever waits now waits for the backend
      bench.sink.room = 7;
      CHECK(bench.model.prepare_to_wait(1));
      bench.driver.transport.serve_all();
      CHECK(bench.sink.taken.size() == room + 7);
      bench.sink.room = 1000;
      bench.driver.transport.serve_all();
      CHECK(bench.sink.taken.size() == 100);
      CHECK(bench.in_order());
      CHECK(bench.driver.completed(1) == 100 - room);
    }
  }
}

TEST_CASE(
    "malformed frames among good ones are dropped, and those behind a waiting one are judged in their turn") {
  BurstBench bench(test::packed_features());
  bench.add_frames(0, 3);
  REQUIRE(bench.driver.add(1, {Bytes(11)}, {}));
  bench.add_frames(3, 3);
  bench.sink.room = 3;
  bench.driver.publish(1);
  bench.driver.transport.serve();
  CHECK(bench.sink.taken.size() == 3);
  CHECK(bench.model.counters().send_malformed == 1);
  bench.sink.room = 1000;
  bench.driver.transport.serve_all();
  CHECK(bench.sink.taken.size() == 6);
  CHECK(bench.in_order());
  CHECK(bench.driver.completed(1) == 7);
}

TEST_CASE(
    "a chain that breaks the queue in the middle of a burst: those before it are sent, none behind it") {
  for (const Features& format : formats()) {
    BurstBench bench(format);
    bench.add_frames(0, 5);
    const Segment nowhere{Offset(std::uint64_t{1} << 40), 72};
    REQUIRE(bench.driver.add_segments(1, std::span(&nowhere, 1)));
    bench.add_frames(5, 5);
    bench.driver.publish(1);
    bench.driver.transport.serve();
    CHECK(bench.sink.taken.size() == 5);
    CHECK(bench.in_order());
    CHECK(bench.model.counters().sent == 5);
    CHECK(bench.model.needs_reset());
    CHECK_FALSE(bench.model.service(1).more);
    CHECK(bench.sink.taken.size() == 5);
    bench.model.stop();  // no chain is out, or this would trap
    CHECK_FALSE(bench.model.needs_reset());
  }
}

TEST_CASE("a few sent frames are shown by the next call, before anybody waits") {
  BurstBench bench(test::packed_features());
  bench.add_frames(0, 1);
  bench.driver.publish(1);
  CHECK(bench.model.service(1).more);
  CHECK(bench.sink.taken.size() == 1);
  CHECK(bench.driver.completed(1) == 0);
  CHECK(bench.model.prepare_to_wait(1));
  CHECK_FALSE(bench.model.service(1).more);
  CHECK(bench.driver.completed(1) == 1);
  CHECK_FALSE(bench.model.prepare_to_wait(1));
}

TEST_CASE("few at a time, but again and again: sent frames are shown all the same") {
  BurstBench bench(test::packed_features());
  unsigned completed = 0;
  for (unsigned n = 0; n < 200; ++n) {
    bench.add_frames(n, 1);
    bench.driver.publish(1);
    (void)bench.model.service(1);
    completed += bench.driver.completed(1);
    CHECK(n + 1 - completed < 16);
  }
  CHECK(bench.in_order());
}

TEST_CASE("buffers that the device took ahead of frames are used in order, one for each frame") {
  for (const Features& format : formats()) {
    BurstBench bench(format);
    for (unsigned n = 0; n < 40; ++n) REQUIRE(bench.driver.add(0, {}, {2000}));
    bench.driver.publish(0);
    for (unsigned n = 1; n <= 40; ++n) {
      bench.sink.coming.emplace_back(60 + n);
      (void)bench.model.service(0);
      CHECK(bench.driver.completed(0) == 1);
      CHECK(bench.driver.last_written(0) == 12 + 60 + n);
    }
    bench.sink.coming.emplace_back(60);
    CHECK_FALSE(bench.model.service(0).more);
    CHECK_FALSE(bench.model.prepare_to_wait(0));
    CHECK(bench.driver.completed(0) == 0);
    bench.driver.submit(0, {}, {2000});
    CHECK(bench.driver.completed(0) == 1);
  }
}

TEST_CASE("a frame that needs more buffers than were taken together takes as many more, and waits for them") {
  for (const Features& format : formats()) {
    BurstBench bench(format);
    for (unsigned n = 0; n < 40; ++n) REQUIRE(bench.driver.add(0, {}, {40}));
    bench.driver.publish(0);
    bench.sink.coming.emplace_back(20);
    (void)bench.model.service(0);
    CHECK(bench.driver.completed(0) == 1);
    bench.sink.coming.emplace_back(45 * 40 - 12);  // 39 are left
    CHECK_FALSE(bench.model.service(0).more);
    CHECK_FALSE(bench.model.prepare_to_wait(0));
    CHECK(bench.driver.completed(0) == 0);
    for (unsigned n = 0; n < 6; ++n) bench.driver.submit(0, {}, {40});
    CHECK(bench.driver.completed(0) == 45);
    CHECK(bench.model.counters().received == 2);
  }
}

TEST_CASE("a frame that comes when only buffers taken ahead are left is served before anybody waits") {
  for (const Features& format : formats()) {
    BurstBench bench(format);
    for (unsigned n = 0; n < 8; ++n) REQUIRE(bench.driver.add(0, {}, {2000}));
    bench.driver.publish(0);
    bench.sink.coming.emplace_back(60);
    (void)bench.model.service(0);
    CHECK(bench.driver.completed(0) == 1);
    bench.sink.coming.emplace_back(60);  // the ring shows no buffer any more, but seven are held
    CHECK(bench.model.prepare_to_wait(0));
    (void)bench.model.service(0);
    CHECK(bench.driver.completed(0) == 1);
    CHECK_FALSE(bench.model.prepare_to_wait(0));
  }
}

TEST_CASE("a frame of many buffers is no longer than it was because another waited in vain before it") {
  for (const Features& format : formats()) {
    BurstBench bench(format);
    for (unsigned n = 0; n < 94; ++n) REQUIRE(bench.driver.add(0, {}, {40}));
    bench.driver.publish(0);
    for (unsigned n = 0; n < 31; ++n) bench.sink.coming.emplace_back(20);
    (void)bench.model.service(0);
    CHECK(bench.driver.completed(0) == 31);
    bench.sink.coming.emplace_back(64 * 40 - 12);  // 63 are left, and are held from here on
    CHECK_FALSE(bench.model.service(0).more);
    bench.sink.coming.front().resize(2 * 40 - 12);
    (void)bench.model.service(0);
    CHECK(bench.driver.completed(0) == 2);
    bench.sink.coming.emplace_back(64 * 40 - 12);
    for (unsigned n = 0; n < 3; ++n) bench.driver.submit(0, {}, {40});
    CHECK(bench.driver.completed(0) == 64);
    CHECK(bench.model.counters().receive_too_long == 0);
  }
}

TEST_CASE("what a device took and did not use is gone with its queue, unwritten, and the next queue works") {
  for (const Features& format : formats()) {
    BurstBench bench(format);
    for (unsigned n = 0; n < 40; ++n) REQUIRE(bench.driver.add(0, {}, {2000}));
    bench.driver.publish(0);
    bench.sink.coming.emplace_back(60);
    (void)bench.model.service(0);
    CHECK(bench.driver.completed(0) == 1);
    bench.sink.room = 2;
    bench.add_frames(0, 5);
    bench.driver.publish(1);
    bench.driver.transport.serve();
    const auto rings = bench.driver.transport.layouts;
    const auto before = bench.driver.region.bytes();
    const Bytes all(before.begin(), before.end());
    bench.model.detach(0);
    bench.model.detach(1);
    CHECK(std::equal(all.begin(), all.end(), bench.driver.region.bytes().begin()));
    bench.driver.restart_queue(0);
    bench.driver.restart_queue(1);
    bench.sink.room = 1000;
    bench.sink.taken.clear();
    bench.add_frames(0, 40);
    bench.driver.publish(1);
    bench.driver.submit(0, {}, {2000});
    CHECK(bench.sink.taken.size() == 40);
    bench.sink.coming.emplace_back(60);
    bench.driver.transport.serve_all();
    CHECK(bench.driver.completed(0) == 1);
  }
}

TEST_CASE("a driver that has taken frames back together does not wait before it has given them all out") {
  for (const Features& format : {test::packed_features(), test::split_features()}) {
    test::NetPairSetup setup;
    setup.queue_features = format;
    test::NetPair pair(setup);
    REQUIRE(pair.started);
    for (unsigned n = 0; n < 5; ++n) REQUIRE(pair.send(pair.left, {}, Bytes(60 + n)));
    pair.serve();
    Bytes frame(kMaxFrame);
    for (unsigned n = 0; n < 5; ++n) {
      CHECK(pair.right.driver.prepare_to_wait());
      const auto got = pair.right.driver.receive(0, frame);
      REQUIRE(got.ok());
      CHECK(got->bytes == 60 + n);
    }
    CHECK_FALSE(pair.right.driver.prepare_to_wait());
  }
}

TEST_CASE("a driver gives its buffers back at the second look in vain, and before it waits") {
  for (const bool waits : {false, true}) {
    test::NetPairSetup setup;
    setup.right_driver.receive_buffers = 8;
    test::NetPair pair(setup);
    REQUIRE(pair.started);
    Bytes frame(kMaxFrame);
    REQUIRE(pair.send(pair.left, {}, Bytes(60)));
    pair.serve();
    REQUIRE(pair.right.driver.receive(0, frame).ok());
    const auto look_in_vain = [&] { CHECK_FALSE(pair.right.driver.receive(0, frame).ok()); };
    look_in_vain();
    if (waits) {
      CHECK_FALSE(pair.right.driver.prepare_to_wait());
    } else {
      look_in_vain();
    }
    for (unsigned n = 0; n < 8; ++n) REQUIRE(pair.send(pair.left, {}, Bytes(60)));
    pair.serve();
    CHECK(pair.right.device.counters().received == 1 + 8);  // the device has all eight
  }
}

TEST_CASE(
    "a driver's frames use their memory again, give it up for others that need it, and all comes back") {
  test::NetPair pair;
  REQUIRE(pair.started);
  Arena& arena = pair.left.region.arena();
  const std::uint64_t before = arena.free_bytes();
  std::uint64_t least = before;
  const auto send = [&](std::size_t bytes, unsigned count) {
    for (unsigned n = 0; n < count; ++n) {
      REQUIRE(pair.send(pair.left, {}, Bytes(bytes)));
      REQUIRE(pair.receive(pair.right));
      least = std::min(least, arena.free_bytes());
    }
  };
  send(60, 1000);
  CHECK(before - least <= 64 * 128);
  // Nothing is left for anybody: what lies idle with the frames' places is found.
  std::vector<std::pair<Offset, std::uint64_t>> taken;
  for (std::uint64_t bytes = std::uint64_t{1} << 24; bytes >= Arena::kUnit;) {
    if (const auto at = arena.allocate(bytes)) {
      taken.emplace_back(*at, bytes);
    } else {
      bytes /= 2;
    }
  }
  send(1514, 200);
  send(60, 200);
  for (const auto& [at, bytes] : taken) arena.release(at, bytes);
  least = before;
  send(1514, 1000);
  CHECK(before - least <= 64 * 1536);
  send(60, 1000);
  CHECK(before - least <= 64 * 1536);
  CHECK_FALSE(arena.misused());
  pair.left.driver.stop();
  CHECK(arena.free_bytes() == arena.size());
  CHECK_FALSE(arena.misused());
}

TEST_CASE("a queue pair finds the memory that lies idle with another's frames") {
  test::NetPairSetup setup;
  setup.left_driver.pairs = 2;
  test::NetPair pair(setup);
  REQUIRE(pair.started);
  REQUIRE(pair.left.driver.pairs() == 2);
  for (unsigned n = 0; n < 64; ++n) {
    REQUIRE(pair.send(pair.left, {}, Bytes(1514)));
    REQUIRE(pair.receive(pair.right));
  }
  Arena& arena = pair.left.region.arena();
  for (std::uint64_t bytes = std::uint64_t{1} << 24; bytes >= Arena::kUnit;) {
    if (!arena.allocate(bytes)) bytes /= 2;
  }
  const Bytes frame(60);
  const std::span<const std::byte> part(frame);
  CHECK(pair.left.driver.send(1, {}, std::span(&part, 1)).ok());
}

TEST_CASE("a frame of which it was said that another follows goes out although that one is refused") {
  test::NetPair pair;
  REQUIRE(pair.started);
  const Bytes frame(60), runt(5), giant(1600);
  const auto send = [&](const Bytes& bytes, bool more) {
    const std::span<const std::byte> part(bytes);
    return pair.left.driver.send(0, {}, std::span(&part, 1), more);
  };
  for (const Bytes& refused : {runt, giant}) {
    CHECK(send(frame, true).ok());
    CHECK_FALSE(send(refused, false).ok());
    pair.serve();
    CHECK(pair.receive(pair.right));
  }
}
