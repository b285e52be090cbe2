// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Every expectation is in bytes, so the same file is true on a big-endian machine, where `./dev test` runs it too.
#include <hawser/transport/endian.hpp>

#include <doctest/doctest.h>

#include <array>

using namespace hawser;

namespace {

struct Sample {
  le16 kind;
  le16 flags;
  le32 length;
  le64 address;
};
static_assert(sizeof(Sample) == 16);

constexpr std::array<std::byte, 16> kSampleBytes = {
    std::byte{0x34}, std::byte{0x12}, std::byte{0x01}, std::byte{0x00},  // kind, flags
    std::byte{0x78}, std::byte{0x56}, std::byte{0x34}, std::byte{0x12},  // length
    std::byte{0xef}, std::byte{0xcd}, std::byte{0xab}, std::byte{0x89},  // address
    std::byte{0x67}, std::byte{0x45}, std::byte{0x23}, std::byte{0x01},
};

}  // namespace

TEST_CASE("the low byte of an endian field comes first in memory") {
  std::array<std::byte, 16> bytes{};
  REQUIRE(write_wire(bytes, Sample{0x1234, 1, 0x12345678, 0x0123456789abcdef}));
  CHECK(bytes == kSampleBytes);
}

TEST_CASE("an endian field reads as the value that was written") {
  const auto sample = read_wire<Sample>(kSampleBytes);
  REQUIRE(sample.has_value());
  CHECK(sample->kind == 0x1234);
  CHECK(sample->flags == 1);
  CHECK(sample->length == 0x12345678);
  CHECK(sample->address == 0x0123456789abcdef);
}

TEST_CASE("a wire struct does not fit into one byte too few") {
  std::array<std::byte, 15> bytes{};
  CHECK_FALSE(read_wire<Sample>(bytes).has_value());
  CHECK_FALSE(write_wire(bytes, Sample{1, 1, 1, 1}));
  CHECK(bytes == std::array<std::byte, 15>{});
}

TEST_CASE("a wire struct may start at an odd address") {
  std::array<std::byte, 17> bytes{};
  REQUIRE(write_wire(std::span(bytes).subspan(1), Sample{0x1234, 1, 0x12345678, 0x0123456789abcdef}));
  CHECK(read_wire<Sample>(std::span(bytes).subspan(1))->address == 0x0123456789abcdef);
}

TEST_CASE("wire_bytes shows the bytes in wire order") {
  const le32 value = 0x04030201;
  const auto bytes = wire_bytes(value);
  for (unsigned i = 0; i < 4; ++i) CHECK(std::to_integer<unsigned>(bytes[i]) == i + 1);
}
