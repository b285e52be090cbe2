// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "net_frames.hpp"

#include <hawser/transport/random.hpp>
#include <hawser/virtio/device/net_checksum.hpp>

#include <doctest/doctest.h>

#include "support/seed.hpp"

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Bytes;

namespace {
Bytes bytes_of(std::initializer_list<unsigned> values) {
  Bytes made;
  for (const unsigned value : values) made.push_back(std::byte(value));
  return made;
}
std::uint16_t checksum(const Bytes& bytes) {
  InternetChecksum sum;
  sum.add(bytes);
  return sum.result();
}
}  // namespace

TEST_CASE("the checksum of RFC 1071's example is what the RFC says") {
  CHECK(checksum(bytes_of({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7})) ==
        static_cast<std::uint16_t>(~0xddf2));
}

TEST_CASE("an odd last byte counts as if a zero followed") {
  CHECK(checksum(bytes_of({0x12, 0x34, 0x56})) == checksum(bytes_of({0x12, 0x34, 0x56, 0x00})));
  CHECK(checksum(bytes_of({0x12})) == static_cast<std::uint16_t>(~0x1200));
  CHECK(checksum({}) == 0xffff);
}

TEST_CASE("carries at every length come back around") {
  for (std::size_t bytes = 0; bytes < 300; ++bytes) {
    const Bytes ones(bytes, std::byte{0xff});
    REQUIRE(checksum(ones) == static_cast<std::uint16_t>(~test::slow_sum(ones, 0, bytes)));
  }
}

TEST_CASE("pieces of any lengths give the sum of the whole, at any alignment") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes(random.below(200));
    random.fill(bytes);
    InternetChecksum sum;
    for (std::span<const std::byte> rest = bytes; !rest.empty();) {
      const auto piece = static_cast<std::size_t>(random.below(rest.size()) + 1);
      sum.add(rest.first(piece));
      rest = rest.subspan(piece);
    }
    REQUIRE(sum.result() == static_cast<std::uint16_t>(~test::slow_sum(bytes, 0, bytes.size())));
  }
}

TEST_CASE("numbers are summed as they would lie in a header, also after an odd byte") {
  InternetChecksum sum;
  sum.add(bytes_of({0xab}));
  sum.add_be16(0x1234);
  sum.add_be32(0x56789abc);
  CHECK(sum.result() == checksum(bytes_of({0xab, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc})));
}

TEST_CASE("finishing a checksum gives the frame as it would have been sent whole") {
  for (std::size_t payload = 0; payload < 40; ++payload) {
    for (const bool udp : {false, true}) {
      const Bytes whole = test::make_frame({.udp = udp}, test::pattern(payload));
      Bytes frame = whole;
      const NetHeader header = test::leave_checksum(frame);
      REQUIRE(finish_checksum(frame, header.checksum_start, header.checksum_offset));
      REQUIRE(frame == whole);
    }
  }
}

TEST_CASE("a checksum that comes out as zero is stored as all ones, because UDP's zero means none") {
  Bytes frame = bytes_of({0xff, 0xff, 0x00, 0x00});  // the rest sums to 0xffff, so the result is 0
  REQUIRE(finish_checksum(frame, 0, 2));
  CHECK(test::get16(frame, 2) == 0xffff);
}

TEST_CASE("a checksum field outside the frame is refused and nothing is written") {
  const Bytes before = test::pattern(20);
  Bytes frame = before;
  CHECK_FALSE(finish_checksum(frame, 21, 0));
  CHECK_FALSE(finish_checksum(frame, 0, 19));
  CHECK_FALSE(finish_checksum(frame, 18, 1));
  CHECK_FALSE(finish_checksum(frame, SIZE_MAX, SIZE_MAX));
  CHECK(frame == before);
  CHECK(finish_checksum(frame, 18, 0));
}
