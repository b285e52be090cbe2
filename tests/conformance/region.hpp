// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Clauses 4.x: what both ends see.
#pragma once

#include "bench.hpp"

namespace hawser::conformance {

HAWSER_CLAUSE("4.1 both ends have the same visibility, and it never changes") {
  const Visibility before = b.first().visibility();
  CHECK(b.second().visibility() == before);
  REQUIRE(b.connect());
  CHECK(b.first().visibility() == before);
  CHECK(b.second().visibility() == before);
}

HAWSER_CLAUSE(
    "4.2 a link without shared memory has an empty region, one with it the same size at both ends") {
  REQUIRE(b.connect());
  const auto size = b.first().region().size();
  CHECK(b.second().region().size() == size);
  CHECK((size == 0) == (b.first().visibility() == Visibility::kCopied));
}

HAWSER_CLAUSE("4.3 what one end writes at an offset the other reads there, whole words and bytes") {
  REQUIRE(b.connect());
  if (b.first().visibility() == Visibility::kCopied) return;
  Random random(seed);
  const std::uint64_t size = b.first().region().size();
  for (int i = 0; i < 200; ++i) {
    const End writer = random.chance(50) ? End::kFirst : End::kSecond;
    const Offset at(random.below(size / 16) * 16);
    const auto mine = b.link(writer).region().area(at, 16, 8).value();
    const auto theirs = b.link(other(writer)).region().area(at, 16, 8).value();
    const std::uint64_t word = random.next();
    mine.template publish<std::uint64_t>(0, word);
    CHECK(theirs.template observe<std::uint64_t>(0) == word);
    CHECK(theirs.template load<std::uint16_t>(0) == (word & 0xffff));
    std::array<std::byte, 8> in{};
    random.fill(in);
    mine.write(8, in);
    std::array<std::byte, 8> out{};
    theirs.read(8, out);
    CHECK(in == out);
  }
}

HAWSER_CLAUSE("4.3 the first and the last byte of the region are shared too") {
  REQUIRE(b.connect());
  const std::uint64_t size = b.first().region().size();
  if (size == 0) return;
  for (const Offset at : {Offset(0), Offset(size - 1)}) {
    const std::array<std::byte, 1> in = {std::byte{0x5a}};
    std::array<std::byte, 1> out{};
    b.first().region().area(at, 1, 1)->write(0, in);
    b.second().region().area(at, 1, 1)->read(0, out);
    CHECK(in == out);
  }
}

HAWSER_CLAUSE("4.4 the door refuses what lies outside and what is misaligned") {
  REQUIRE(b.connect());
  const auto region = b.first().region();
  const std::uint64_t size = region.size();
  CHECK(region.area(Offset(0), size + 1, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(region.area(Offset(size), 1, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(region.area(Offset(size + 1), 0, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(region.area(Offset(UINT64_MAX), 1, 1).error() == DoorError::kOutsideTheRegion);
  CHECK(region.area(Offset(UINT64_MAX - 7), 16, 8).error() == DoorError::kOutsideTheRegion);
  CHECK(region.area(Offset(0), UINT64_MAX, 1).error() == DoorError::kOutsideTheRegion);
  if (size >= 16) CHECK(region.area(Offset(4), 8, 8).error() == DoorError::kMisaligned);
}

}  // namespace hawser::conformance
