// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The door: what it refuses, and that words behind it are little-endian on every machine.
#include <hawser/transport/memory.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>

using namespace hawser;

namespace {

struct Region {
  alignas(64) std::array<std::byte, 256> bytes{};
  RegionMemory memory{bytes};
};

}  // namespace

TEST_CASE("the door lets in what lies inside, up to the last byte") {
  Region r;
  CHECK(r.memory.area(Offset(0), 256, 1)->size() == 256);
  CHECK(r.memory.area(Offset(255), 1, 1)->size() == 1);
  CHECK(r.memory.area(Offset(256), 0, 1)->size() == 0);
  CHECK(r.memory.area(Offset(8), 8, 8)->bytes().data() == r.bytes.data() + 8);
}

TEST_CASE("the door refuses one byte too many, wherever it is") {
  Region r;
  CHECK(r.memory.area(Offset(0), 257, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(r.memory.area(Offset(255), 2, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(r.memory.area(Offset(256), 1, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(r.memory.area(Offset(257), 0, 1).error() == DoorError::kOutsideTheRegion);
}

TEST_CASE("an offset and a length that wrap around together do not get in") {
  Region r;
  CHECK(r.memory.area(Offset(UINT64_MAX), 1, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(r.memory.area(Offset(UINT64_MAX - 7), 16, 8).error() == DoorError::kOutsideTheRegion);
  CHECK(r.memory.area(Offset(8), UINT64_MAX, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(r.memory.area(Offset(8), UINT64_MAX - 7, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(r.memory.area(Offset(UINT64_MAX), UINT64_MAX, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(r.memory.area(Offset(std::uint64_t{1} << 63), std::uint64_t{1} << 63, 1).error() ==
        DoorError::kOutsideTheRegion);
}

TEST_CASE("adding to an offset wraps, and the door refuses or accepts what comes out") {
  Region r;
  CHECK(Offset(UINT64_MAX) + 1 == Offset(0));
  CHECK(r.memory.area(Offset(250) + 6, 1, 1).error() == DoorError::kOutsideTheRegion);
}

TEST_CASE("the door refuses an offset that is not aligned as asked") {
  Region r;
  for (std::uint64_t align = 2; align <= 64; align *= 2) {
    CHECK(r.memory.area(Offset(align), align, align).ok());
    CHECK(r.memory.area(Offset(align / 2), align, align).error() == DoorError::kMisaligned);
    CHECK(r.memory.area(Offset(align + 1), 1, align).error() == DoorError::kMisaligned);
  }
}

TEST_CASE("outside is said before misaligned") {
  Region r;
  CHECK(r.memory.area(Offset(1001), 8, 8).error() == DoorError::kOutsideTheRegion);
}

TEST_CASE("no region has a door through which nothing but nothing fits") {
  const RegionMemory none;
  CHECK(none.size() == 0);
  CHECK(none.area(Offset(0), 0, 8).ok());
  CHECK(none.area(Offset(0), 1, 1).error() == DoorError::kOutsideTheRegion);
}

TEST_CASE("words in a region are little-endian") {
  Region r;
  const auto area = r.memory.area(Offset(16), 16, 8).value();
  area.store<std::uint16_t>(0, 0x0201);
  area.publish<std::uint32_t>(4, 0x08070605);
  area.store<std::uint64_t>(8, 0x100f0e0d0c0b0a09);
  for (unsigned i : {0u, 1u, 4u, 5u, 6u, 7u, 8u, 9u, 10u, 11u, 12u, 13u, 14u, 15u}) {
    CHECK(std::to_integer<unsigned>(r.bytes[16 + i]) == i + 1);
  }
  CHECK(area.load<std::uint16_t>(0) == 0x0201);
  CHECK(area.observe<std::uint32_t>(4) == 0x08070605);
  CHECK(area.observe<std::uint64_t>(8) == 0x100f0e0d0c0b0a09);
}

TEST_CASE("an area writes and reads its own bytes and no others") {
  Region r;
  const auto area = r.memory.area(Offset(32), 8, 1).value();
  const std::array<std::byte, 4> in = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  area.write(4, in);
  std::array<std::byte, 4> out{};
  area.read(4, out);
  CHECK(out == in);
  CHECK(r.bytes[35] == std::byte{0});
  CHECK(r.bytes[36] == std::byte{1});
  CHECK(r.bytes[39] == std::byte{4});
  CHECK(r.bytes[40] == std::byte{0});
}
