// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/transport/random.hpp>

#include <doctest/doctest.h>

#include <array>

using namespace hawser;

TEST_CASE("the same seed gives the same numbers on every machine") {
  // The published first outputs of SplitMix64 for the seed 1234567.
  Random random(1234567);
  CHECK(random.next() == 6457827717110365317u);
  CHECK(random.next() == 3203168211198807973u);
  CHECK(random.next() == 9817491932198370423u);
}

TEST_CASE("never is never and always is always") {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    CHECK_FALSE(random.chance(0));
    CHECK(random.chance(100));
    CHECK(random.below(0) == 0);
    CHECK(random.below(3) < 3);
  }
}

TEST_CASE("filling gives the same bytes whatever the byte order of the machine") {
  Random numbers(9);
  Random bytes(9);
  std::array<std::byte, 11> filled{};
  bytes.fill(filled);
  const std::uint64_t first = numbers.next();
  const std::uint64_t second = numbers.next();
  for (unsigned i = 0; i < 8; ++i) CHECK(filled[i] == static_cast<std::byte>(first >> (8 * i)));
  for (unsigned i = 0; i < 3; ++i) CHECK(filled[8 + i] == static_cast<std::byte>(second >> (8 * i)));
}
