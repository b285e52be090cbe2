// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A driver that breaks the rules, one rule at a time, by writing the ring itself.
#include <hawser/virtio/queue/any.hpp>

#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <array>
#include <utility>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Rig;

namespace {

constexpr std::uint16_t kNext = VIRTQ_DESC_F_NEXT;
constexpr std::uint16_t kDescWrite = VIRTQ_DESC_F_WRITE;
constexpr std::uint16_t kIndirect = VIRTQ_DESC_F_INDIRECT;
constexpr std::uint16_t kAvail = VIRTQ_DESC_F_AVAIL;  // available in the first lap
constexpr std::uint64_t kBuffer = 128 * 1024;
constexpr std::uint64_t kTable = 64 * 1024;

/// Takes once, sees the fault, and sees that it stays.
QueueFault device_fault_of(Rig& rig, std::size_t room = 8) {
  std::array<Segment, 64> storage;
  const auto chain = rig.device.try_take(std::span(storage).first(room));
  CHECK_FALSE(chain.ok());
  if (!chain.ok()) CHECK(chain.error() == TakeError::kBroken);
  const QueueFault fault = rig.device.fault();
  CHECK(rig.device.try_take(storage).error() == TakeError::kBroken);
  CHECK_FALSE(rig.device.publish());
  CHECK_FALSE(rig.device.arm());
  CHECK(rig.device.fault() == fault);
  return fault;
}

}  // namespace

TEST_CASE("split: an available index that ran ahead breaks the queue") {
  for (std::uint16_t index : {9, 100, 32768, 65535}) {
    CAPTURE(index);
    Rig rig(test::split_with());
    rig.poke<std::uint16_t>(rig.driver_area(2), index);
    CHECK(device_fault_of(rig) == QueueFault::kAvailableIndexRanAhead);
  }
}

TEST_CASE("split: an available index that goes backwards breaks the queue") {
  Rig rig(test::split_with());
  std::array<std::array<Segment, 4>, 5> storage;
  std::array<Chain, 5> held;
  for (std::uint16_t n = 0; n < 5; ++n) {
    rig.split_descriptor(rig.descriptor(n), kBuffer, 8, 0, 0);
    rig.split_available(n, n);
    held[n] = rig.device.try_take(storage[n]).value();
  }
  rig.poke<std::uint16_t>(rig.driver_area(2), 3);
  CHECK(device_fault_of(rig) == QueueFault::kAvailableIndexRanAhead);
  for (Chain& chain : held) rig.device.complete(std::move(chain), 0);
}

TEST_CASE("split: more chains out than the ring has room for break the queue") {
  Rig rig(test::split_with(), 2);
  std::array<std::array<Segment, 4>, 2> storage;
  std::array<Chain, 2> held;
  rig.split_descriptor(rig.descriptor(0), kBuffer, 8, 0, 0);
  for (std::uint16_t n = 0; n < 2; ++n) {
    rig.split_available(n, 0);
    held[n] = rig.device.try_take(storage[n]).value();
  }
  rig.split_available(2, 0);
  CHECK(device_fault_of(rig) == QueueFault::kAvailableIndexRanAhead);
  for (Chain& chain : held) rig.device.complete(std::move(chain), 0);
}

TEST_CASE("split: a head or a link outside the table breaks the queue") {
  for (std::uint16_t bad : {8, 9, 65535}) {
    CAPTURE(bad);
    Rig head(test::split_with());
    head.split_available(0, bad);
    CHECK(device_fault_of(head) == QueueFault::kDescriptorIndexOutOfRange);
    Rig link(test::split_with());
    link.split_descriptor(link.descriptor(0), kBuffer, 8, kNext, bad);
    link.split_available(0, 0);
    CHECK(device_fault_of(link) == QueueFault::kDescriptorIndexOutOfRange);
  }
}

TEST_CASE("split: a chain that loops ends after as many steps as the queue has descriptors") {
  Rig rig(test::split_with());
  rig.split_descriptor(rig.descriptor(0), kBuffer, 8, kNext, 1);
  rig.split_descriptor(rig.descriptor(1), kBuffer, 8, kNext, 0);
  rig.split_available(0, 0);
  CHECK(device_fault_of(rig, 64) == QueueFault::kChainTooLong);
}

TEST_CASE("a chain with more segments than the taker has room for breaks the queue") {
  Rig split(test::split_with());
  split.split_descriptor(split.descriptor(0), kBuffer, 8, kNext, 1);
  split.split_descriptor(split.descriptor(1), kBuffer, 8, 0, 0);
  split.split_available(0, 0);
  CHECK(device_fault_of(split, 1) == QueueFault::kChainTooLong);
  Rig packed(test::packed_with());
  packed.packed_descriptor(packed.descriptor(0), kBuffer, 8, 0, kAvail | kNext);
  packed.packed_descriptor(packed.descriptor(1), kBuffer, 8, 0, kAvail);
  CHECK(device_fault_of(packed, 1) == QueueFault::kChainTooLong);
  Rig nothing(test::packed_with());
  nothing.packed_descriptor(nothing.descriptor(0), kBuffer, 8, 0, kAvail);
  CHECK(device_fault_of(nothing, 0) == QueueFault::kChainTooLong);
}

TEST_CASE("a readable descriptor after a writable one breaks the queue") {
  Rig split(test::split_with());
  split.split_descriptor(split.descriptor(0), kBuffer, 8, kDescWrite | kNext, 1);
  split.split_descriptor(split.descriptor(1), kBuffer, 8, 0, 0);
  split.split_available(0, 0);
  CHECK(device_fault_of(split) == QueueFault::kReadableAfterWritable);
  Rig packed(test::packed_with());
  packed.packed_descriptor(packed.descriptor(0), kBuffer, 8, 0, kAvail | kDescWrite | kNext);
  packed.packed_descriptor(packed.descriptor(1), kBuffer, 8, 0, kAvail);
  CHECK(device_fault_of(packed) == QueueFault::kReadableAfterWritable);
}

TEST_CASE("a buffer outside the region breaks the queue") {
  constexpr std::uint64_t kEnd = test::RigLayout::kBytes;
  for (const auto& place : {std::pair<std::uint64_t, std::uint32_t>{kEnd, 1},
                            {kEnd - 7, 8},
                            {0, UINT32_MAX},
                            {UINT64_MAX, 1},
                            {UINT64_MAX - 7, 8}}) {
    const auto at = place.first;
    const auto bytes = place.second;
    CAPTURE(at);
    Rig split(test::split_with());
    split.split_descriptor(split.descriptor(0), at, bytes, 0, 0);
    split.split_available(0, 0);
    CHECK(device_fault_of(split) == QueueFault::kSegmentOutsideTheRegion);
    Rig packed(test::packed_with());
    packed.packed_descriptor(packed.descriptor(0), at, bytes, 0, kAvail);
    CHECK(device_fault_of(packed) == QueueFault::kSegmentOutsideTheRegion);
  }
}

TEST_CASE("an indirect descriptor that was not negotiated breaks the queue") {
  Rig split(test::split_with());
  split.split_descriptor(split.descriptor(0), kTable, 16, kIndirect, 0);
  split.split_available(0, 0);
  CHECK(device_fault_of(split) == QueueFault::kIndirectNotNegotiated);
  Rig packed(test::packed_with());
  packed.packed_descriptor(packed.descriptor(0), kTable, 16, 0, kAvail | kIndirect);
  CHECK(device_fault_of(packed) == QueueFault::kIndirectNotNegotiated);
}

TEST_CASE("an indirect table that is empty, uneven, too long or outside the region breaks the queue") {
  constexpr std::uint64_t kEnd = test::RigLayout::kBytes;
  for (const auto& place : {std::pair<std::uint64_t, std::uint32_t>{kTable, 0},
                            {kTable, 15},
                            {kTable, 17},
                            {kTable, 16 * 32769},
                            {kEnd, 16},
                            {kEnd - 16, 32},
                            {UINT64_MAX - 15, 16}}) {
    const auto at = place.first;
    const auto bytes = place.second;
    CAPTURE(at);
    CAPTURE(bytes);
    Rig split(test::split_with({VIRTIO_F_INDIRECT_DESC}));
    split.split_descriptor(split.descriptor(0), at, bytes, kIndirect, 0);
    split.split_available(0, 0);
    CHECK(device_fault_of(split) == QueueFault::kIndirectTableMalformed);
    Rig packed(test::packed_with({VIRTIO_F_INDIRECT_DESC}));
    packed.packed_descriptor(packed.descriptor(0), at, bytes, 0, kAvail | kIndirect);
    CHECK(device_fault_of(packed) == QueueFault::kIndirectTableMalformed);
  }
}

TEST_CASE("an indirect descriptor that is linked to more breaks the queue") {
  Rig split(test::split_with({VIRTIO_F_INDIRECT_DESC}));
  split.split_descriptor(split.descriptor(0), kTable, 16, kIndirect | kNext, 1);
  split.split_available(0, 0);
  CHECK(device_fault_of(split) == QueueFault::kIndirectWithNext);
  Rig head(test::packed_with({VIRTIO_F_INDIRECT_DESC}));
  head.packed_descriptor(head.descriptor(0), kTable, 16, 0, kAvail | kIndirect | kNext);
  CHECK(device_fault_of(head) == QueueFault::kIndirectWithNext);
  Rig tail(test::packed_with({VIRTIO_F_INDIRECT_DESC}));
  tail.packed_descriptor(tail.descriptor(0), kBuffer, 8, 0, kAvail | kNext);
  tail.packed_descriptor(tail.descriptor(1), kTable, 16, 0, kAvail | kIndirect);
  CHECK(device_fault_of(tail) == QueueFault::kIndirectWithNext);
}

TEST_CASE("split: an indirect table inside an indirect table breaks the queue") {
  Rig rig(test::split_with({VIRTIO_F_INDIRECT_DESC}));
  rig.split_descriptor(rig.descriptor(0), kTable, 32, kIndirect, 0);
  rig.split_descriptor(Offset(kTable), kTable, 16, kIndirect, 0);
  rig.split_available(0, 0);
  CHECK(device_fault_of(rig) == QueueFault::kIndirectInsideIndirect);
}

TEST_CASE("split: a link out of or a loop inside an indirect table breaks the queue") {
  Rig out(test::split_with({VIRTIO_F_INDIRECT_DESC}));
  out.split_descriptor(out.descriptor(0), kTable, 32, kIndirect, 0);
  out.split_descriptor(Offset(kTable), kBuffer, 8, kNext, 2);
  out.split_available(0, 0);
  CHECK(device_fault_of(out) == QueueFault::kDescriptorIndexOutOfRange);
  Rig loop(test::split_with({VIRTIO_F_INDIRECT_DESC}));
  loop.split_descriptor(loop.descriptor(0), kTable, 32, kIndirect, 0);
  loop.split_descriptor(Offset(kTable), kBuffer, 8, kNext, 0);
  loop.split_available(0, 0);
  CHECK(device_fault_of(loop) == QueueFault::kChainTooLong);
}

TEST_CASE("split: plain descriptors may come before an indirect one") {
  Rig rig(test::split_with({VIRTIO_F_INDIRECT_DESC}));
  rig.split_descriptor(rig.descriptor(0), kBuffer, 8, kNext, 5);
  rig.split_descriptor(rig.descriptor(5), kTable, 32, kIndirect, 0);
  rig.split_descriptor(Offset(kTable), kBuffer + 64, 4, kNext, 1);
  rig.split_descriptor(Offset(kTable) + 16, kBuffer + 128, 2, kDescWrite, 0);
  rig.split_available(0, 0);
  std::array<Segment, 4> storage;
  auto chain = rig.device.try_take(storage);
  REQUIRE(chain.ok());
  CHECK(chain->readable().size() == 2);
  CHECK(chain->readable_bytes() == 12);
  CHECK(chain->writable_bytes() == 2);
  rig.device.complete(std::move(chain).value(), 0);
}

TEST_CASE("packed: an indirect table is all of its entries, whatever their flags but WRITE") {
  Rig rig(test::packed_with({VIRTIO_F_INDIRECT_DESC}));
  rig.packed_descriptor(rig.descriptor(0), kTable, 48, 3, kAvail | kIndirect);
  rig.packed_descriptor(Offset(kTable), kBuffer, 1, 9, kIndirect);
  rig.packed_descriptor(Offset(kTable) + 16, kBuffer, 2, 9, kAvail);
  rig.packed_descriptor(Offset(kTable) + 32, kBuffer, 4, 9, kDescWrite | kNext);
  std::array<Segment, 4> storage;
  auto chain = rig.device.try_take(storage);
  REQUIRE(chain.ok());
  CHECK(chain->id() == 3);
  CHECK(chain->readable_bytes() == 3);
  CHECK(chain->writable_bytes() == 4);
  rig.device.complete(std::move(chain).value(), 0);
}

TEST_CASE("packed: a chain that runs past what was made available breaks the queue") {
  Rig rig(test::packed_with());
  rig.packed_descriptor(rig.descriptor(0), kBuffer, 8, 0, kAvail | kNext);
  CHECK(device_fault_of(rig) == QueueFault::kChainNeverEnds);
}

TEST_CASE("packed: a chain longer than the ring breaks the queue") {
  Rig rig(test::packed_with(), 2);
  rig.packed_descriptor(rig.descriptor(0), kBuffer, 8, 0, kAvail | kNext);
  rig.packed_descriptor(rig.descriptor(1), kBuffer, 8, 0, kAvail | kNext);
  CHECK(device_fault_of(rig) == QueueFault::kChainNeverEnds);
}

TEST_CASE("packed: more descriptors available than the ring has breaks the queue") {
  Rig rig(test::packed_with(), 2);
  std::array<std::array<Segment, 4>, 2> storage;
  std::array<Chain, 2> held;
  for (std::uint64_t n = 0; n < 2; ++n) {
    rig.packed_descriptor(rig.descriptor(n), kBuffer, 8, 0, kAvail);
    held[n] = rig.device.try_take(storage[n]).value();
  }
  rig.packed_descriptor(rig.descriptor(0), kBuffer, 8, 0, VIRTQ_DESC_F_USED);  // available in the second lap
  CHECK(device_fault_of(rig) == QueueFault::kAvailableIndexRanAhead);
  for (Chain& chain : held) rig.device.complete(std::move(chain), 0);
}

TEST_CASE("a chain of 4 GiB or more breaks the queue") {
  // No region here is that large; many segments over the same bytes are.
  struct HugeMemory : RegionMemory {  // accepts every segment
    using RegionMemory::RegionMemory;
    Result<Area, DoorError> area(Offset at, std::uint64_t bytes, std::uint64_t align) const {
      return bytes >= 0x8000'0000 ? RegionMemory::area(Offset(0), 0, 1)
                                  : RegionMemory::area(at, bytes, align);
    }
  };
  test::Region region(4096);
  const HugeMemory memory{region.bytes()};
  const QueueLayout layout{4, Offset(0), Offset(1024), Offset(2048)};
  auto device = SplitDeviceQueue<HugeMemory>::make(memory, layout, test::split_with()).value();
  const auto put = [&](std::size_t n, std::uint32_t bytes, std::uint16_t flags) {
    const virtq_desc descriptor{0, bytes, flags, static_cast<std::uint16_t>(n + 1)};
    write_wire(region.bytes().subspan(16 * n), descriptor);
  };
  put(0, 0x8000'0000, kNext);
  put(1, 0x8000'0000, 0);
  write_wire(region.bytes().subspan(1024 + 2), le16{1});
  std::array<Segment, 4> storage;
  CHECK(device.try_take(storage).error() == TakeError::kBroken);
  CHECK(device.fault() == QueueFault::kChainTooLong);
}

TEST_CASE("a descriptor is read once: what the driver changes later changes nothing") {
  for (const Features& features : {test::split_with(), test::packed_with()}) {
    Rig rig(features);
    const std::array one = {rig.buffer(0, 8)};
    REQUIRE(rig.driver.try_add(one, {}, Token{5}).ok());
    rig.driver.publish();
    std::array<Segment, 4> storage;
    auto chain = rig.device.try_take(storage);
    REQUIRE(chain.ok());
    for (std::uint64_t n = 0; n < 16; ++n) rig.poke<std::uint8_t>(rig.descriptor(0) + n, 0xff);
    CHECK(chain->readable()[0].at == one[0].at);
    CHECK(chain->readable()[0].bytes == 8);
    rig.device.complete(std::move(chain).value(), 0);
    rig.device.publish();
    CHECK(rig.driver.try_reap()->token == Token{5});
  }
}
