// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Single requirements of VIRTIO 1.3 §2.7 and §2.8 that are seen in the bytes of the ring and nowhere else.
#include <hawser/virtio/queue/any.hpp>

#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Rig;

namespace {

constexpr std::uint64_t kClauseBuffer = 128 * 1024;
constexpr std::uint64_t kClauseTable = 64 * 1024;

std::vector<std::byte> copy(const Rig& rig, Offset at, std::uint64_t bytes) {
  const auto part = rig.region.bytes().subspan(at.bytes(), bytes);
  return {part.begin(), part.end()};
}

/// One request there and back; whether each side wanted to be told.
std::pair<bool, bool> exchange(Rig& rig) {
  const std::array one = {rig.buffer(0, 8)};
  std::array<Segment, 4> storage;
  REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
  const bool device_told = rig.driver.publish();
  rig.device.complete(rig.device.try_take(storage).value(), 0);
  const bool driver_told = rig.device.publish();
  REQUIRE(rig.driver.try_reap().ok());
  return {device_told, driver_told};
}

}  // namespace

TEST_CASE("the WRITE flag of a descriptor that refers to an indirect table means nothing") {
  for (const bool packed : {false, true}) {
    CAPTURE(packed);
    Rig rig(packed ? test::packed_with({VIRTIO_F_INDIRECT_DESC})
                   : test::split_with({VIRTIO_F_INDIRECT_DESC}));
    const std::uint16_t flags = VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE;
    if (packed) {
      rig.packed_descriptor(Offset(kClauseTable), kClauseBuffer, 8, 0, 0);
      rig.packed_descriptor(rig.descriptor(0), kClauseTable, 16, 0, VIRTQ_DESC_F_AVAIL | flags);
    } else {
      rig.split_descriptor(Offset(kClauseTable), kClauseBuffer, 8, 0, 0);
      rig.split_descriptor(rig.descriptor(0), kClauseTable, 16, flags, 0);
      rig.split_available(0, 0);
    }
    std::array<Segment, 4> storage;
    auto chain = rig.device.try_take(storage);
    REQUIRE(chain.ok());
    CHECK(chain->readable_bytes() == 8);
    CHECK(chain->writable_bytes() == 0);
    rig.device.complete(std::move(chain).value(), 0);
  }
}

TEST_CASE("split, in order: links go up by one, from the last descriptor to the first") {
  Rig rig(test::split_with({VIRTIO_F_IN_ORDER}), 4);
  const std::array three = {rig.buffer(0, 8), rig.buffer(16, 8), rig.buffer(32, 8)};
  std::array<Segment, 4> storage;
  bool around = false;
  for (unsigned lap = 0; lap < 4; ++lap) {
    REQUIRE(rig.driver.try_add(three, {}, Token{}).ok());
    rig.driver.publish();
    for (unsigned at = 0; at < 4; ++at) {
      if ((rig.peek<std::uint16_t>(rig.descriptor(at) + 12) & VIRTQ_DESC_F_NEXT) == 0) continue;
      CHECK(rig.peek<std::uint16_t>(rig.descriptor(at) + 14) == (at + 1) % 4);
      around = around || at == 3;
    }
    rig.device.complete(rig.device.try_take(storage).value(), 0);
    rig.device.publish();
    REQUIRE(rig.driver.try_reap().ok());
  }
  CHECK(around);
}

TEST_CASE(
    "split: the entries of an indirect table are linked one after the other, and only the last has no NEXT") {
  for (const bool in_order : {false, true}) {
    Features features = test::split_with({VIRTIO_F_INDIRECT_DESC});
    features.set(VIRTIO_F_IN_ORDER, in_order);
    Rig rig(features, 4);
    const std::array three = {rig.buffer(0, 8), rig.buffer(16, 8), rig.buffer(32, 8)};
    REQUIRE(rig.driver.try_add(three, {}, Token{}).ok());
    CHECK(rig.peek<std::uint16_t>(rig.descriptor(0) + 12) == VIRTQ_DESC_F_INDIRECT);  // and no NEXT beside it
    const Offset table(rig.peek<std::uint64_t>(rig.descriptor(0)));
    for (std::uint16_t n = 0; n < 3; ++n) {
      CHECK(rig.peek<std::uint16_t>(table + 16 * n + 12) == (n < 2 ? VIRTQ_DESC_F_NEXT : 0));
      if (n < 2) CHECK(rig.peek<std::uint16_t>(table + 16 * n + 14) == n + 1);
    }
  }
}

TEST_CASE("packed: the entries of an indirect table have no flag but WRITE") {
  Rig rig(test::packed_with({VIRTIO_F_INDIRECT_DESC}), 4);
  const std::array readable = {rig.buffer(0, 8), rig.buffer(16, 8)};
  const std::array writable = {rig.buffer(32, 8)};
  REQUIRE(rig.driver.try_add(readable, writable, Token{}).ok());
  rig.driver.publish();
  CHECK(rig.peek<std::uint16_t>(rig.descriptor(0) + 14) == (VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_AVAIL));
  const Offset table(rig.peek<std::uint64_t>(rig.descriptor(0)));
  for (std::uint16_t n = 0; n < 3; ++n) {
    CHECK(rig.peek<std::uint16_t>(table + 16 * n + 14) == (n == 2 ? VIRTQ_DESC_F_WRITE : 0));
  }
}

TEST_CASE(
    "split: without the event index each side's flags are 0 or 1, and the event fields are not looked at") {
  Rig rig(test::split_with());
  for (unsigned n = 0; n < 20; ++n) {
    const bool armed = n % 2 == 0;
    if (armed) {
      (void)rig.driver.arm();
      (void)rig.device.arm();
    } else {
      rig.driver.disarm();
      rig.device.disarm();
    }
    CHECK(rig.peek<std::uint16_t>(rig.driver_area(0)) == (armed ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT));
    CHECK(rig.peek<std::uint16_t>(rig.device_area(0)) == (armed ? 0 : VIRTQ_USED_F_NO_NOTIFY));
    rig.poke<std::uint16_t>(rig.driver_area(4 + 2 * 8), static_cast<std::uint16_t>(n * 77));
    rig.poke<std::uint16_t>(rig.device_area(4 + 8 * 8), static_cast<std::uint16_t>(n * 77));
    CHECK(exchange(rig) == std::pair(armed, armed));
  }
}

TEST_CASE("split: with the event index each side's flags stay 0, and the other's are not looked at") {
  Rig rig(test::split_with({VIRTIO_F_EVENT_IDX}));
  for (unsigned n = 0; n < 20; ++n) {
    (void)rig.driver.arm();
    (void)rig.device.arm();
    CHECK(rig.peek<std::uint16_t>(rig.driver_area(0)) == 0);
    CHECK(rig.peek<std::uint16_t>(rig.device_area(0)) == 0);
    rig.poke<std::uint16_t>(rig.driver_area(0), VIRTQ_AVAIL_F_NO_INTERRUPT);
    rig.poke<std::uint16_t>(rig.device_area(0), VIRTQ_USED_F_NO_NOTIFY);
    CHECK(exchange(rig) == std::pair(true, true));
    rig.poke<std::uint16_t>(rig.driver_area(0), 0);
    rig.poke<std::uint16_t>(rig.device_area(0), 0);
    rig.driver.disarm();
    rig.device.disarm();
    CHECK(rig.peek<std::uint16_t>(rig.driver_area(0)) == 0);
    CHECK(rig.peek<std::uint16_t>(rig.device_area(0)) == 0);
    CHECK(exchange(rig) == std::pair(false, false));
  }
}

TEST_CASE(
    "each half writes into what is its own: a split device nothing into descriptors, nobody the other's "
    "area") {
  for (const Features& features : test::all_ring_features()) {
    INFO(test::name(features));
    const bool packed = features.has(VIRTIO_F_RING_PACKED);
    Rig rig(features);
    const RingShape shape = ring_bytes(ring_format(features), 8);
    const auto descriptors = [&] { return copy(rig, rig.descriptor(0), shape.descriptors.bytes); };
    const auto drivers = [&] { return copy(rig, rig.driver_area(0), shape.driver.bytes); };
    const auto devices = [&] { return copy(rig, rig.device_area(0), shape.device.bytes); };
    const std::array one = {rig.buffer(0, 8)};
    std::array<Segment, 4> storage;
    for (unsigned lap = 0; lap < 30; ++lap) {
      const auto devices_before = devices();
      REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
      rig.driver.publish();
      (void)rig.driver.arm();
      CHECK(devices() == devices_before);
      const auto descriptors_before = descriptors();
      const auto drivers_before = drivers();
      auto chain = rig.device.try_take(storage);
      REQUIRE(chain.ok());
      CHECK(descriptors() == descriptors_before);  // taking changes nothing, in either format
      rig.device.complete(std::move(chain).value(), 0);
      rig.device.publish();
      (void)rig.device.arm();
      rig.device.disarm();
      CHECK(drivers() == drivers_before);
      if (!packed) CHECK(descriptors() == descriptors_before);
      const auto devices_after = devices();
      REQUIRE(rig.driver.try_reap().ok());
      rig.driver.disarm();
      CHECK(devices() == devices_after);
    }
  }
}

TEST_CASE("packed: a descriptor is left alone once it is used, while the device works on behind it") {
  Rig rig(test::packed_with({}), 4);
  const std::array one = {rig.buffer(0, 8)};
  std::array<Segment, 4> storage;
  const auto descriptor = [&](unsigned n) { return copy(rig, rig.descriptor(0) + 16 * n, 16); };
  for (unsigned lap = 0; lap < 6; ++lap) {  // both values of the wrap counter
    for (unsigned n = 0; n < 4; ++n) REQUIRE(rig.driver.try_add(one, {}, Token{n}).ok());
    rig.driver.publish();
    std::vector<std::vector<std::byte>> used;
    for (unsigned n = 0; n < 4; ++n) {
      rig.device.complete(rig.device.try_take(storage).value(), 0);
      rig.device.publish();
      (void)rig.device.arm();
      used.push_back(descriptor(n));
      for (unsigned before = 0; before < n; ++before) CHECK(descriptor(before) == used[before]);
    }
    CHECK_FALSE(rig.device.try_take(storage).ok());
    rig.device.publish();
    for (unsigned n = 0; n < 4; ++n) {
      CHECK(descriptor(n) == used[n]);
      REQUIRE(rig.driver.try_reap().ok());
    }
  }
}
