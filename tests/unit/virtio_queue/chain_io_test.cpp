// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/queue/chain_io.hpp>

#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <array>
#include <numeric>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;

namespace {

/// 4 KiB whose bytes count up.
struct ChainFixture {
  ChainFixture() : region(4096) {
    for (std::size_t n = 0; n < 4096; ++n) region.bytes()[n] = static_cast<std::byte>(n & 0xff);
  }
  test::Region region;
};

std::vector<std::byte> bytes_from(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

}  // namespace

TEST_CASE("a reader goes through the segments in order, whatever their sizes") {
  ChainFixture f;
  const std::array segments = {Segment{Offset(10), 3}, Segment{Offset(0), 0}, Segment{Offset(100), 1},
                               Segment{Offset(20), 4}};
  ChainReader<RegionMemory> reader(f.region.memory(), segments);
  CHECK(reader.remaining() == 8);
  std::vector<std::byte> out(5);
  REQUIRE(reader.read(out).ok());
  CHECK(out == bytes_from({10, 11, 12, 100, 20}));
  out.resize(3);
  REQUIRE(reader.read(out).ok());
  CHECK(out == bytes_from({21, 22, 23}));
  CHECK(reader.done());
  CHECK(reader.read(std::span(out).first(0)).ok());
}

TEST_CASE("reading more than there is moves nothing") {
  ChainFixture f;
  const std::array segments = {Segment{Offset(10), 3}};
  ChainReader<RegionMemory> reader(f.region.memory(), segments);
  std::vector<std::byte> out(4);
  CHECK(reader.read(out).error() == ChainIoError::kTooShort);
  CHECK(out == bytes_from({0, 0, 0, 0}));
  CHECK(reader.remaining() == 3);
  CHECK(reader.skip(4).error() == ChainIoError::kTooShort);
  CHECK(reader.read_some(out).value() == 3);
  CHECK(out == bytes_from({10, 11, 12, 0}));
}

TEST_CASE("a segment outside the region stops the reader at the door") {
  ChainFixture f;
  for (Segment bad : {Segment{Offset(4090), 7}, Segment{Offset(UINT64_MAX), 1}, Segment{Offset(5000), 1}}) {
    const std::array segments = {Segment{Offset(10), 3}, bad};
    ChainReader<RegionMemory> reader(f.region.memory(), segments);
    std::vector<std::byte> out(3 + bad.bytes);
    CHECK(reader.read(out).error() == ChainIoError::kOutsideTheRegion);
    CHECK(reader.remaining() == bad.bytes);
    ChainWriter<RegionMemory> writer(f.region.memory(), segments);
    CHECK(writer.write(out).error() == ChainIoError::kOutsideTheRegion);
  }
}

TEST_CASE("a writer fills the segments in order and leaves the bytes around them alone") {
  ChainFixture f;
  const std::array segments = {Segment{Offset(200), 2}, Segment{Offset(300), 3}};
  ChainWriter<RegionMemory> writer(f.region.memory(), segments);
  REQUIRE(writer.skip(1).ok());
  REQUIRE(writer.write(bytes_from({1, 2, 3})).ok());
  CHECK(writer.remaining() == 1);
  CHECK(writer.write_some(bytes_from({4, 5})).value() == 1);
  const auto at = [&](std::size_t n) { return std::to_integer<int>(f.region.bytes()[n]); };
  CHECK(at(199) == 199);
  CHECK(at(200) == 200);
  CHECK(at(201) == 1);
  CHECK(at(202) == 202);
  CHECK(at(299) == 299 - 256);
  CHECK(at(300) == 2);
  CHECK(at(301) == 3);
  CHECK(at(302) == 4);
  CHECK(at(303) == 303 - 256);
}

TEST_CASE("a wire struct may lie across segments") {
  ChainFixture f;
  const std::array segments = {Segment{Offset(1), 1}, Segment{Offset(7), 2}, Segment{Offset(3), 1}};
  ChainWriter<RegionMemory> writer(f.region.memory(), segments);
  REQUIRE(writer.write_wire(le32{0x11223344}).ok());
  ChainReader<RegionMemory> reader(f.region.memory(), segments);
  CHECK(reader.read_wire<le32>().value() == 0x11223344);
  CHECK(reader.read_wire<le16>().error() == ChainIoError::kTooShort);
}

TEST_CASE("borrowed pieces are the region's own bytes, never longer than asked") {
  ChainFixture f;
  const std::array segments = {Segment{Offset(16), 4}, Segment{Offset(64), 8}};
  ChainReader<RegionMemory> reader(f.region.memory(), segments);
  auto piece = reader.borrow();
  REQUIRE(piece.ok());
  CHECK(piece->data() == f.region.bytes().data() + 16);
  CHECK(piece->size() == 4);
  CHECK(reader.borrow(5)->size() == 5);
  CHECK(reader.borrow(5)->size() == 3);
  CHECK(reader.borrow(5)->empty());
  CHECK(reader.done());
  ChainWriter<RegionMemory> writer(f.region.memory(), segments);
  CHECK(writer.borrow(1)->data() == f.region.bytes().data() + 16);
  CHECK(writer.remaining() == 11);
}

TEST_CASE("skip steps over whole and part segments") {
  ChainFixture f;
  const std::array segments = {Segment{Offset(16), 4}, Segment{Offset(64), 8}};
  ChainReader<RegionMemory> reader(f.region.memory(), segments);
  REQUIRE(reader.skip(5).ok());
  std::vector<std::byte> out(2);
  REQUIRE(reader.read(out).ok());
  CHECK(out == bytes_from({65, 66}));
}
