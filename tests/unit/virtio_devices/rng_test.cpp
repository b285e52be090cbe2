// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The entropy device and its driver, together and each against a hostile other side.
#include "puppet_device.hpp"

#include "support/blk_rig.hpp"
#include "support/direct_transport.hpp"

#include <hawser/virtio/device/rng.hpp>
#include <hawser/virtio/driver/rng.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::test;
using driver::RngError;

namespace {

/// Counts, so that a test sees every byte once; gives only so much.
struct Counting {
  std::size_t fill(std::span<std::byte> out) {
    const std::size_t now = std::min(out.size(), left);
    for (std::byte& byte : out.first(now)) byte = static_cast<std::byte>(++next % 251);
    left -= now;
    return now;
  }
  std::size_t left = SIZE_MAX;
  unsigned next = 0;
};

using Model = device::Rng<RegionMemory, Counting>;
static_assert(DeviceModel<Model, RegionMemory>);
using Transport = DirectTransport<Model>;

struct Pair {
  explicit Pair(Features ring = {}) : transport(region, model, ring) {}
  Instant soon() const { return transport.now() + seconds(1); }

  TestRegion region;
  Counting source;
  Model model{source};
  Transport transport;
  driver::Rng<Transport> driver;
};

}  // namespace

TEST_CASE("bytes of the source arrive in order, each once, in every ring") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    Pair p(kind.features);
    REQUIRE(p.driver.start(p.transport).ok());
    unsigned expected = 0;
    for (const std::size_t count : {1u, 7u, 1016u, 1024u, 5000u, 3u}) {
      Bytes out(count);
      REQUIRE(p.driver.fill(out, p.soon()).ok());
      for (const std::byte byte : out) REQUIRE(byte == static_cast<std::byte>(++expected % 251));
    }
    p.driver.stop();
    CHECK(p.region.arena().free_bytes() == p.region.arena().size());
  }
}

TEST_CASE("what was handed on is nowhere left in shared memory") {
  Pair p;
  REQUIRE(p.driver.start(p.transport).ok());
  Bytes out(1024);
  REQUIRE(p.driver.fill(out, p.soon()).ok());
  const auto all = p.region.bytes();
  CHECK(std::search(all.begin(), all.end(), out.begin(), out.begin() + 16) == all.end());
}

TEST_CASE("a source that has nothing makes the request wait, not fail") {
  Pair p;
  p.source.left = 0;
  REQUIRE(p.driver.start(p.transport).ok());
  Bytes out(8);
  CHECK(p.driver.fill(out, p.soon()).error() == RngError::kTimeout);
  p.source.left = 3;
  p.transport.serve_all();
  CHECK(p.driver.fill(out, p.soon()).error() == RngError::kTimeout);  // three of eight
  p.source.left = 100;
  p.transport.serve_all();
  CHECK(p.driver.fill(out, p.soon()).ok());
  CHECK(p.model.bytes_given() == 103);
}

TEST_CASE("a request gets at most its share at a time, one without room gets nothing, in every ring") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    Pair p(kind.features);
    REQUIRE(p.transport.negotiate(kind.features).ok());
    std::array<DriverSlot, 64> slots{};
    auto queue = p.transport.start_queue(0, 64, slots);
    REQUIRE(queue.ok());
    REQUIRE(p.transport.start().ok());
    const Offset at = *p.region.arena().allocate(100'000);
    const std::array<Segment, 3> pieces{Segment{at, 3}, Segment{at + 3, 0}, Segment{at + 3, 99'000}};
    const Segment readable{at, 50};
    REQUIRE(queue->try_add({}, pieces, Token{1}).ok());
    REQUIRE(queue->try_add(std::span(&readable, 1), {}, Token{2}).ok());
    REQUIRE(queue->try_add(std::span(&readable, 1), std::span(pieces).first(1), Token{3}).ok());
    queue->publish();
    p.transport.notify(0, 0);
    p.transport.serve();
    CHECK(queue->try_reap()->written == Model::kMostBytes);
    CHECK(queue->try_reap()->written == 0);
    CHECK(queue->try_reap()->written == 3);
  }
}

TEST_CASE("a reset drops a request that waits for the source") {
  Pair p;
  p.source.left = 0;
  REQUIRE(p.driver.start(p.transport).ok());
  p.driver.poll();
  p.transport.serve();
  p.transport.kill();
  p.driver.suspend();
  p.source.left = SIZE_MAX;
  p.transport.revive();
  REQUIRE(p.driver.resume(p.transport).ok());
  Bytes out(8);
  CHECK(p.driver.fill(out, p.soon()).ok());
  CHECK(out[0] == std::byte{1});
}

TEST_CASE("an entropy driver has its buffer back when the device has ended its reset, not before") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    Pair p(kind.features);
    Arena& arena = p.region.arena();
    p.source.left = 0;
    REQUIRE(p.driver.start(p.transport).ok());
    p.driver.poll();
    const auto started = arena.free_bytes();
    p.transport.ignores_reset = true;
    for (int tries = 0; tries < 100; ++tries) {
      p.driver.stop();
      CHECK(arena.free_bytes() == started);
      CHECK(p.driver.start(p.transport).error() == TransportError::kTimeout);
    }
    p.transport.ignores_reset = false;
    REQUIRE(p.driver.start(p.transport).ok());
    CHECK(arena.free_bytes() == started);
    p.driver.stop();
    CHECK(arena.free_bytes() == arena.size());
    CHECK_FALSE(arena.misused());
  }
}

TEST_CASE("without its device the driver says so") {
  Pair p;
  Bytes out(8);
  CHECK(p.driver.fill(out, p.soon()).error() == RngError::kNotRunning);
  REQUIRE(p.driver.start(p.transport).ok());
  p.transport.kill();
  p.driver.suspend();
  CHECK(p.driver.fill(out, p.soon()).error() == RngError::kNotRunning);
  CHECK(p.driver.resume(p.transport).error() == TransportError::kLinkDown);
}

TEST_CASE(
    "a request for entropy has nothing to read, and a device without a queue is told that the driver gives "
    "up") {
  test::TestRegion region;
  PuppetDevice<VIRTIO_ID_ENTROPY> puppet(1);
  DirectTransport<PuppetDevice<VIRTIO_ID_ENTROPY>> transport(region, puppet);
  driver::Rng<DirectTransport<PuppetDevice<VIRTIO_ID_ENTROPY>>> driver;
  REQUIRE(driver.start(transport).ok());
  driver.poll();
  const auto sizes = puppet.directions(0);
  REQUIRE(sizes.has_value());
  CHECK(sizes->first == 0);
  CHECK(sizes->second != 0);
  CHECK_FALSE(transport.failed);

  PuppetDevice<VIRTIO_ID_ENTROPY> bare(0);
  DirectTransport<PuppetDevice<VIRTIO_ID_ENTROPY>> nothing(region, bare);
  driver::Rng<DirectTransport<PuppetDevice<VIRTIO_ID_ENTROPY>>> other;
  CHECK(other.start(nothing).error() == TransportError::kNoSuchQueue);
  CHECK(nothing.failed);
  other.stop();
}

TEST_CASE("an entropy device that gives nothing, or claims more than there was room for, is found out") {
  struct Liar : Model {
    using Model::Model;
    Work service(std::uint16_t) {
      std::array<Segment, 8> storage;
      auto chain = queue.try_take(storage);
      if (!chain.ok()) return {};
      queue.complete(std::move(*chain), lie);
      return {.more = true, .notify = queue.publish()};
    }
    bool prepare_to_wait(std::uint16_t) { return queue.arm(); }
    void attach(std::uint16_t, AnyDeviceQueue<RegionMemory> q) { queue = std::move(q); }
    void stop() { queue = {}; }
    AnyDeviceQueue<RegionMemory> queue;
    std::uint32_t lie = 0;
  };
  TestRegion region;
  Counting source;
  Liar liar(source);
  DirectTransport<Liar> transport(region, liar);
  driver::Rng<DirectTransport<Liar>> driver;
  REQUIRE(driver.start(transport).ok());
  Bytes out(8);
  CHECK(driver.fill(out, transport.now() + seconds(1)).error() == RngError::kGaveNothing);
  liar.lie = driver.kBufferBytes + 1;
  CHECK(driver.fill(out, transport.now() + seconds(1)).error() == RngError::kNotRunning);
  CHECK(std::string(driver.broken_reason()) == describe(QueueFault::kUsedLengthTooLong));
  for (unsigned n = 0; n <= static_cast<unsigned>(RngError::kGaveNothing); ++n) {
    CHECK(std::string(driver::describe(static_cast<RngError>(n))) != "an unknown entropy error");
  }
}
