// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device that breaks the rules, one rule at a time, by writing the ring itself.
#include <hawser/virtio/queue/any.hpp>

#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <array>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Rig;

namespace {

constexpr std::uint16_t kUsed = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;  // used in the first lap
constexpr std::uint16_t kWrite = VIRTQ_DESC_F_WRITE;

/// Three requests in flight, each may be written 8 bytes; tokens 0, 1, 2.
void add_three(Rig& rig) {
  const std::array one = {rig.buffer(0, 8)};
  for (unsigned n = 0; n < 3; ++n) REQUIRE(rig.driver.try_add({}, one, Token{n}).ok());
  rig.driver.publish();
}

QueueFault fault_of(Rig& rig) {
  CHECK(rig.driver.try_reap().error() == TakeError::kBroken);
  const QueueFault fault = rig.driver.fault();
  const std::array one = {rig.buffer(0, 8)};
  CHECK(rig.driver.try_reap().error() == TakeError::kBroken);
  CHECK(rig.driver.try_add(one, {}, Token{}).error() == AddError::kBroken);
  CHECK_FALSE(rig.driver.publish());
  CHECK_FALSE(rig.driver.arm());
  CHECK(rig.driver.fault() == fault);
  return fault;
}

}  // namespace

TEST_CASE("split: a used index that ran ahead or backwards breaks the queue") {
  for (std::uint16_t index : {4, 8, 9, 32768, 65535}) {
    CAPTURE(index);
    Rig rig(test::split_with());
    add_three(rig);
    rig.poke<std::uint16_t>(rig.device_area(2), index);
    CHECK(fault_of(rig) == QueueFault::kUsedIndexRanAhead);
  }
  Rig idle(test::split_with());
  idle.poke<std::uint16_t>(idle.device_area(2), 1);
  CHECK(fault_of(idle) == QueueFault::kUsedIndexRanAhead);
}

TEST_CASE("split: a used id that is out of range, free or used before breaks the queue") {
  for (std::uint32_t id : {3U, 7U, 8U, 65536U, 65537U, UINT32_MAX}) {
    CAPTURE(id);
    Rig rig(test::split_with());
    add_three(rig);
    rig.split_used(0, id, 0);
    CHECK(fault_of(rig) == QueueFault::kUsedIdNotInFlight);
  }
  Rig twice(test::split_with());
  add_three(twice);
  twice.split_used(0, 1, 0);
  CHECK(twice.driver.try_reap()->token == Token{1});
  twice.split_used(1, 1, 0);
  CHECK(fault_of(twice) == QueueFault::kUsedIdNotInFlight);
}

TEST_CASE("split: a used id inside a chain, not its head, breaks the queue") {
  Rig rig(test::split_with());
  const std::array two = {rig.buffer(0, 8), rig.buffer(8, 8)};
  REQUIRE(rig.driver.try_add(two, {}, Token{}).ok());
  rig.driver.publish();
  rig.split_used(0, 1, 0);
  CHECK(fault_of(rig) == QueueFault::kUsedIdNotInFlight);
}

TEST_CASE("a request that was added but not published can not be completed") {
  Rig split(test::split_with());
  add_three(split);
  const std::array one = {split.buffer(0, 8)};
  REQUIRE(split.driver.try_add(one, {}, Token{}).ok());
  split.split_used(0, 3, 0);
  CHECK(fault_of(split) == QueueFault::kUsedIdNotInFlight);
  Rig packed(test::packed_with());
  add_three(packed);
  REQUIRE(packed.driver.try_add(one, {}, Token{}).ok());
  packed.packed_descriptor(packed.descriptor(0), 0, 0, 3, kUsed);
  CHECK(fault_of(packed) == QueueFault::kUsedIdNotInFlight);
}

TEST_CASE("more bytes written than the chain has room for break the queue") {
  Rig split(test::split_with());
  add_three(split);
  split.split_used(0, 1, 9);
  CHECK(fault_of(split) == QueueFault::kUsedLengthTooLong);
  Rig packed(test::packed_with());
  add_three(packed);
  packed.packed_descriptor(packed.descriptor(0), 0, 9, 1, kUsed | kWrite);
  CHECK(fault_of(packed) == QueueFault::kUsedLengthTooLong);
  for (const Features& features :
       {test::split_with({VIRTIO_F_IN_ORDER}), test::packed_with({VIRTIO_F_IN_ORDER})}) {
    Rig rig(features);
    add_three(rig);
    if (rig.over.packed()) {
      rig.packed_descriptor(rig.descriptor(0), 0, UINT32_MAX, 0, kUsed | kWrite);
    } else {
      rig.split_used(0, 0, UINT32_MAX);
    }
    CHECK(fault_of(rig) == QueueFault::kUsedLengthTooLong);
  }
}

TEST_CASE("packed: without the WRITE flag a length that makes sense is believed, any other is no length") {
  Rig rig(test::packed_with());
  add_three(rig);
  rig.packed_descriptor(rig.descriptor(0), 0, 8, 0, kUsed);
  rig.packed_descriptor(rig.descriptor(1), 0, 9, 1, kUsed);
  CHECK(rig.driver.try_reap()->written == 8);
  CHECK(rig.driver.try_reap()->written == 0);
}

TEST_CASE("packed: a used id that is out of range, free or used before breaks the queue") {
  for (std::uint16_t id : {3, 8, 65535}) {
    CAPTURE(id);
    Rig rig(test::packed_with());
    add_three(rig);
    rig.packed_descriptor(rig.descriptor(0), 0, 0, id, kUsed);
    CHECK(fault_of(rig) == QueueFault::kUsedIdNotInFlight);
  }
  Rig twice(test::packed_with());
  add_three(twice);
  twice.packed_descriptor(twice.descriptor(0), 0, 0, 1, kUsed);
  CHECK(twice.driver.try_reap()->token == Token{1});
  twice.packed_descriptor(twice.descriptor(1), 0, 0, 1, kUsed);
  CHECK(fault_of(twice) == QueueFault::kUsedIdNotInFlight);
}

TEST_CASE("packed: a descriptor marked used when nothing is in flight breaks the queue") {
  Rig rig(test::packed_with());
  rig.packed_descriptor(rig.descriptor(0), 0, 0, 0, kUsed);
  CHECK(fault_of(rig) == QueueFault::kUsedIdNotInFlight);
}

TEST_CASE("in order, a batch that the index does not cover breaks the queue") {
  Rig rig(test::split_with({VIRTIO_F_IN_ORDER}));
  add_three(rig);
  rig.split_used(0, 2, 0);  // stands for three, but the index says one
  CHECK(fault_of(rig) == QueueFault::kUsedOutOfOrder);
}

TEST_CASE("in order, a device that writes every used entry is as good as one that writes the last") {
  for (const Features& features :
       {test::split_with({VIRTIO_F_IN_ORDER}), test::packed_with({VIRTIO_F_IN_ORDER})}) {
    Rig rig(features);
    add_three(rig);
    for (std::uint16_t n = 0; n < 3; ++n) {
      if (rig.over.packed()) {
        rig.packed_descriptor(rig.descriptor(n), 0, n, n, kUsed | kWrite);
      } else {
        rig.split_used(n, n, n);
      }
    }
    for (std::uint16_t n = 0; n < 3; ++n) {
      const auto done = rig.driver.try_reap();
      REQUIRE(done.ok());
      CHECK(done->token == Token{n});
      CHECK(done->written == n);
    }
  }
}

TEST_CASE("what the device writes over descriptors and links does not matter to the driver") {
  Rig rig(test::split_with());
  const std::array three = {rig.buffer(0, 8), rig.buffer(8, 8), rig.buffer(16, 8)};
  for (std::uint16_t lap = 0; lap < 30; ++lap) {
    REQUIRE(rig.driver.try_add(three, {}, Token{lap}).ok());
    REQUIRE(rig.driver.try_add(three, {}, Token{lap}).ok());
    rig.driver.publish();
    const auto heads =
        std::array{rig.peek<std::uint16_t>(rig.driver_area(4 + 2 * std::uint64_t((2 * lap) % 8))),
                   rig.peek<std::uint16_t>(rig.driver_area(4 + 2 * std::uint64_t((2 * lap + 1) % 8)))};
    for (std::uint64_t n = 0; n < 128; ++n) rig.poke<std::uint8_t>(rig.descriptor(0) + n, 0xa5);
    rig.split_used(static_cast<std::uint16_t>(2 * lap), heads[1], 0);
    rig.split_used(static_cast<std::uint16_t>(2 * lap + 1), heads[0], 0);
    REQUIRE(rig.driver.try_reap().ok());
    REQUIRE(rig.driver.try_reap().ok());
    REQUIRE(rig.driver.in_flight() == 0);
  }
}

TEST_CASE("after a fault the driver can take back what was in flight") {
  Rig rig(test::split_with());
  add_three(rig);
  rig.split_used(0, 5, 0);
  CHECK(fault_of(rig) == QueueFault::kUsedIdNotInFlight);
  unsigned tokens = 0;
  while (rig.driver.reclaim()) ++tokens;
  CHECK(tokens == 3);
}

TEST_CASE("reserved notification flags of a packed queue mean: tell") {
  Rig rig(test::packed_with());
  const std::array one = {rig.buffer(0, 8)};
  rig.poke<std::uint32_t>(rig.device_area(0), 3U << 16);
  REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
  CHECK(rig.driver.publish());
  rig.poke<std::uint32_t>(rig.device_area(0), 2U << 16);  // DESC without the event index
  REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
  CHECK(rig.driver.publish());
}
