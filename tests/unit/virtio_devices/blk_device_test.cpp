// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The block device by itself: what a driver may ask, in any framing, and what it must not.
#include "support/blk_rig.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::test;

static_assert(DeviceModel<device::Blk<RegionMemory, device::MemoryDisk>, RegionMemory>);

namespace {

constexpr std::size_t kSectors = 256;

struct MemoryRig {
  explicit MemoryRig(bool read_only = false)
      : bytes(pattern(kSectors * 512, 1)), disk(bytes, read_only), rig(disk) {}
  Bytes sectors(std::size_t first, std::size_t count) const {
    return {bytes.begin() + static_cast<std::ptrdiff_t>(first * 512),
            bytes.begin() + static_cast<std::ptrdiff_t>((first + count) * 512)};
  }
  Bytes bytes;
  device::MemoryDisk disk;
  BlkRig<> rig;
};

}  // namespace

TEST_CASE("a read brings the sectors, then the status, in every ring") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    MemoryRig m;
    m.rig.start(kind.features);
    const auto answer = m.rig.ask(blk_header(VIRTIO_BLK_T_IN, 3), 1024 + 1);
    REQUIRE(answer);
    CHECK(answer->status() == VIRTIO_BLK_S_OK);
    CHECK(answer->written == 1025);
    CHECK(answer->data() == m.sectors(3, 2));
  }
}

TEST_CASE("a write changes the sectors it names and no others, in every ring") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    MemoryRig m;
    const Bytes before = m.bytes;
    m.rig.start(kind.features);
    const Bytes data = pattern(1536, 9);
    const auto answer = m.rig.ask(blk_header(VIRTIO_BLK_T_OUT, 10) + data, 1);
    REQUIRE(answer);
    CHECK(answer->status() == VIRTIO_BLK_S_OK);
    CHECK(answer->written == 1);
    CHECK(m.sectors(10, 3) == data);
    CHECK(m.sectors(0, 10) == Bytes(before.begin(), before.begin() + 10 * 512));
    CHECK(m.sectors(13, kSectors - 13) == Bytes(before.begin() + 13 * 512, before.end()));
  }
}

TEST_CASE("only the order of the bytes counts, not how they are cut into segments") {
  // §2.7.4.1: no framing may be assumed.
  const std::vector<std::pair<Cuts, Cuts>> framings = {
      {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {}},  // the header in pieces of one byte
      {{7, 9 + 100}, {1}},                                     // header and data share a segment
      {{}, {}},                                                // everything in one; status behind the data
      {{16, 0, 0, 5}, {0, 3, 0, 508, 512}},                    // with empty ones
      {{20, 1, 1, 1}, {511, 1, 1}},
      {{}, {1025, 0}},  // the last one empty: the status is before it
  };
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    MemoryRig m;
    m.rig.start(kind.features);
    for (const auto& [in, out] : framings) {
      const Bytes data = pattern(1024, 77);
      const auto write = m.rig.ask(blk_header(VIRTIO_BLK_T_OUT, 20) + data, 1, in, {});
      REQUIRE(write);
      CHECK(write->status() == VIRTIO_BLK_S_OK);
      const auto read = m.rig.ask(blk_header(VIRTIO_BLK_T_IN, 20), 1025, in, out);
      REQUIRE(read);
      CHECK(read->status() == VIRTIO_BLK_S_OK);
      CHECK(read->data() == data);
      CHECK(m.rig.ask(blk_header(VIRTIO_BLK_T_OUT, 20) + pattern(1024, 78), 1)->status() == VIRTIO_BLK_S_OK);
    }
  }
}

TEST_CASE("what lies outside the disk is an error and nothing is touched") {
  MemoryRig m;
  const Bytes before = m.bytes;
  m.rig.start({});
  for (const std::uint64_t sector : {std::uint64_t{kSectors}, std::uint64_t{kSectors - 1}, UINT64_MAX,
                                     UINT64_MAX / 512, std::uint64_t{1} << 55}) {
    CAPTURE(sector);
    CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_OUT, sector) + pattern(1024, 3)) == VIRTIO_BLK_S_IOERR);
    const auto read = m.rig.ask(blk_header(VIRTIO_BLK_T_IN, sector), 1025);
    CHECK(read->status() == VIRTIO_BLK_S_IOERR);
    CHECK(read->data() == Bytes(1024));  // filled up, so that the length can be told
    CHECK(read->written == 1025);
  }
  CHECK(m.bytes == before);
  CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_OUT, kSectors - 1) + pattern(512, 3)) == VIRTIO_BLK_S_OK);
  CHECK_FALSE(m.rig.device.needs_reset());
}

TEST_CASE("a length that is not whole sectors is an error") {
  MemoryRig m;
  const Bytes before = m.bytes;
  m.rig.start({});
  for (const std::size_t bytes : {1u, 511u, 513u, 1000u}) {
    CAPTURE(bytes);
    CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_OUT, 0) + pattern(bytes, 3)) == VIRTIO_BLK_S_IOERR);
    CHECK(m.rig.ask(blk_header(VIRTIO_BLK_T_IN, 0), bytes + 1)->status() == VIRTIO_BLK_S_IOERR);
  }
  CHECK(m.bytes == before);
}

TEST_CASE("requests that are too short to be one are answered where there is room for an answer") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    MemoryRig m;
    m.rig.start(kind.features);
    CHECK(m.rig.status_of(Bytes(15)) == VIRTIO_BLK_S_IOERR);
    CHECK(m.rig.status_of({}) == VIRTIO_BLK_S_IOERR);
    CHECK(m.rig.ask({}, 600)->status() == VIRTIO_BLK_S_IOERR);
    const auto no_room = m.rig.ask(blk_header(VIRTIO_BLK_T_OUT, 0) + pattern(512, 5), 0);
    REQUIRE(no_room);
    CHECK(no_room->written == 0);
    CHECK(m.rig.device.counters().malformed == 1);
    CHECK(m.sectors(0, 1) == Bytes(pattern(512, 1)));  // without a status nothing is done
    CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_FLUSH)) == VIRTIO_BLK_S_OK);
  }
}

TEST_CASE("an unknown type is unsupported and leaves no byte of the answer as it was") {
  MemoryRig m;
  m.rig.start({});
  for (const std::uint32_t type : {2u, 3u, 5u, 14u, 0x80000000u, UINT32_MAX}) {
    CAPTURE(type);
    const auto answer = m.rig.ask(blk_header(type), 101);
    CHECK(answer->status() == VIRTIO_BLK_S_UNSUPP);
    CHECK(answer->data() == Bytes(100));
    CHECK(answer->written == 101);
  }
}

TEST_CASE(
    "a request for more data than the limits allow is an error whose length says that nothing was written") {
  MemoryRig m;
  m.rig.start({});
  const std::size_t most = BlkRig<>::kSegMax * BlkRig<>::kSizeMax;
  CHECK(m.rig.ask(blk_header(VIRTIO_BLK_T_IN, 0), most + 1)->status() == VIRTIO_BLK_S_OK);
  const auto answer = m.rig.ask(blk_header(VIRTIO_BLK_T_IN, 0), most + 512 + 1);
  CHECK(answer->status() == VIRTIO_BLK_S_IOERR);
  CHECK(answer->written == 0);
  CHECK(answer->writable.front() == kUntouched);
}

TEST_CASE("the id comes padded with zeros and is cut to the room there is") {
  MemoryRig m;
  m.rig.start({});
  const auto whole = m.rig.ask(blk_header(VIRTIO_BLK_T_GET_ID), 21);
  CHECK(whole->status() == VIRTIO_BLK_S_OK);
  CHECK(std::string(reinterpret_cast<const char*>(whole->writable.data())) == "hawser");
  CHECK(whole->data()[19] == std::byte{0});
  const auto half = m.rig.ask(blk_header(VIRTIO_BLK_T_GET_ID), 4);
  CHECK(half->status() == VIRTIO_BLK_S_OK);
  CHECK(std::memcmp(half->writable.data(), "haw", 3) == 0);
  CHECK(m.rig.ask(blk_header(VIRTIO_BLK_T_GET_ID), 1)->status() == VIRTIO_BLK_S_OK);
  const auto more = m.rig.ask(blk_header(VIRTIO_BLK_T_GET_ID), 41);
  CHECK(more->data()[39] == std::byte{0});
}

TEST_CASE("write zeroes makes zeros of all its ranges, or of none") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    MemoryRig m;
    m.rig.start(kind.features);
    const Bytes before = m.bytes;
    const Bytes head =
        blk_header(VIRTIO_BLK_T_WRITE_ZEROES, 12345);  // the sector of the header means nothing here
    CHECK(m.rig.status_of(head + blk_range(1, 2) + blk_range(kSectors, 1)) == VIRTIO_BLK_S_IOERR);
    CHECK(m.rig.status_of(head + blk_range(1, 2) + blk_range(5, 1, 2)) == VIRTIO_BLK_S_UNSUPP);
    CHECK(m.rig.status_of(head + blk_range(UINT64_MAX, 2)) == VIRTIO_BLK_S_IOERR);
    CHECK(m.rig.status_of(head + blk_range(0, UINT32_MAX)) == VIRTIO_BLK_S_IOERR);
    CHECK(m.rig.status_of(head) == VIRTIO_BLK_S_IOERR);
    CHECK(m.rig.status_of(head + Bytes(17)) == VIRTIO_BLK_S_IOERR);
    CHECK(m.bytes == before);
    CHECK(m.rig.status_of(head + blk_range(1, 2) + blk_range(9, 0) + blk_range(5, 1, 1)) == VIRTIO_BLK_S_OK);
    CHECK(m.sectors(1, 2) == Bytes(1024));
    CHECK(m.sectors(5, 1) == Bytes(512));
    CHECK(m.sectors(6, 100) == Bytes(before.begin() + 6 * 512, before.begin() + 106 * 512));
    Bytes many = head;
    for (unsigned n = 0; n < 16; ++n) many = many + blk_range(100 + 2 * n, 1);
    CHECK(m.rig.status_of(many) == VIRTIO_BLK_S_OK);
    CHECK(m.sectors(130, 1) == Bytes(512));
    CHECK(m.rig.status_of(many + blk_range(0, 1)) == VIRTIO_BLK_S_IOERR);
  }
}

TEST_CASE("a discard takes no flags") {
  MemoryRig m;
  m.rig.start({});
  CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_DISCARD) + blk_range(0, 8)) == VIRTIO_BLK_S_OK);
  CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_DISCARD) + blk_range(0, 8, 1)) == VIRTIO_BLK_S_UNSUPP);
  CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_DISCARD) + blk_range(kSectors - 1, 2)) == VIRTIO_BLK_S_IOERR);
}

TEST_CASE("what was not negotiated is not supported") {
  MemoryRig m;
  m.rig.start({}, {VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES});
  CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_FLUSH)) == VIRTIO_BLK_S_UNSUPP);
  CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_DISCARD) + blk_range(0, 8)) == VIRTIO_BLK_S_UNSUPP);
  CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_WRITE_ZEROES) + blk_range(0, 8)) == VIRTIO_BLK_S_UNSUPP);
}

TEST_CASE("a read-only disk says so and refuses every change") {
  MemoryRig m(true);
  m.rig.start({});
  const Bytes before = m.bytes;
  CHECK(m.rig.transport.negotiated().has(VIRTIO_BLK_F_RO));
  CHECK_FALSE(m.rig.transport.negotiated().has(VIRTIO_BLK_F_DISCARD));
  CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_OUT, 0) + pattern(512, 4)) == VIRTIO_BLK_S_IOERR);
  CHECK(m.rig.status_of(blk_header(VIRTIO_BLK_T_WRITE_ZEROES) + blk_range(0, 1)) == VIRTIO_BLK_S_UNSUPP);
  CHECK(m.bytes == before);
  CHECK(m.rig.ask(blk_header(VIRTIO_BLK_T_IN, 0), 513)->data() == m.sectors(0, 1));
}

TEST_CASE("a chain outside the region breaks its queue, asks for a reset, and after the reset all is well") {
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    MemoryRig m;
    m.rig.start(kind.features);
    const virtio::Segment wild{Offset(UINT64_MAX - 5), 16};
    REQUIRE(m.rig.queues[0].try_add(std::span(&wild, 1), {}, Token{}).ok());
    m.rig.queues[0].publish();
    m.rig.transport.notify(0, 0);
    m.rig.transport.serve();
    CHECK(m.rig.device.needs_reset());
    CHECK(m.rig.device.fault() == QueueFault::kSegmentOutsideTheRegion);
    m.rig.start(kind.features);
    CHECK_FALSE(m.rig.device.needs_reset());
    CHECK(m.rig.ask(blk_header(VIRTIO_BLK_T_IN, 0), 513)->data() == m.sectors(0, 1));
  }
}

TEST_CASE("data that overlaps its own header, its status or another segment is only wrong for its driver") {
  MemoryRig m;
  m.rig.start({});
  const Bytes text = blk_header(VIRTIO_BLK_T_IN, 0) + Bytes(2048);
  const virtio::Segment whole = m.rig.place(text);
  const virtio::Segment header{whole.at, 16};
  const std::array<virtio::Segment, 3> overlapping{
      virtio::Segment{whole.at, 512}, virtio::Segment{whole.at + 8, 512}, virtio::Segment{whole.at, 1}};
  REQUIRE(m.rig.queues[0].try_add(std::span(&header, 1), overlapping, Token{}).ok());
  m.rig.queues[0].publish();
  m.rig.transport.notify(0, 0);
  m.rig.transport.serve();
  const auto reaped = m.rig.queues[0].try_reap();
  REQUIRE(reaped.ok());
  CHECK(reaped->written == 1025);
  CHECK_FALSE(m.rig.device.needs_reset());
}

TEST_CASE("the configuration tells the size, the limits and the queues") {
  Bytes bytes(kSectors * 512 + 100);  // what is no whole sector does not count
  device::MemoryDisk disk(bytes);
  BlkRig<device::MemoryDisk, 3> rig(disk);
  rig.start({});
  const virtio_blk_config config = rig.config();
  CHECK(config.capacity == kSectors);
  CHECK(config.size_max == 4096);
  CHECK(config.seg_max == 14);
  CHECK(config.blk_size == 512);
  CHECK(config.num_queues == 3);
  CHECK(rig.transport.negotiated().has(VIRTIO_BLK_F_MQ));
  CHECK(config.max_discard_seg == 16);
  CHECK(config.write_zeroes_may_unmap == 0);
  // Any part of it can be read by itself.
  std::array<std::byte, 2> part{};
  REQUIRE(rig.transport.read_config(34, part).ok());
  CHECK(part[0] == std::byte{3});
}

TEST_CASE(
    "every field of the configuration can be read before the driver has said anything, and padding is 0") {
  MemoryRig m;
  virtio_blk_config config{};
  std::memset(&config, 0xee, sizeof(config));
  m.rig.device.read_config(0, std::as_writable_bytes(std::span(&config, 1)));
  CHECK(config.capacity == kSectors);
  CHECK(config.blk_size == 512);
  CHECK(config.unused0 == 0);
  for (const std::uint8_t byte : config.unused1) CHECK(byte == 0);
}

TEST_CASE("only the write cache can be configured, and only where it was negotiated") {
  MemoryRig m;
  m.rig.start({});
  const std::byte zero{0};
  const std::byte two{2};
  CHECK(m.rig.config().writeback == 1);
  CHECK(m.rig.transport.write_config(32, std::span(&zero, 1)).ok());
  CHECK(m.rig.config().writeback == 0);
  CHECK_FALSE(m.rig.transport.write_config(32, std::span(&two, 1)).ok());
  CHECK_FALSE(m.rig.transport.write_config(0, std::span(&zero, 1)).ok());
  CHECK(m.rig.config().capacity == kSectors);
  m.rig.start({}, {VIRTIO_BLK_F_CONFIG_WCE});
  CHECK(m.rig.config().writeback == 1);  // a reset forgets the choice
  CHECK_FALSE(m.rig.transport.write_config(32, std::span(&zero, 1)).ok());
  m.rig.start({}, {VIRTIO_BLK_F_FLUSH});
  CHECK(m.rig.config().writeback == 0);  // §5.2.5.2
}
