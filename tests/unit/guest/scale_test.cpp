// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Tick rates without division.
#include "scale.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using hawser::guest::Scale;

TEST_CASE("a rate converts to nanoseconds within a millionth over ten years") {
  for (const std::uint64_t hz : {24'000'000u, 62'500'000u, 1'000'000'000u, 2'893'202'000u}) {
    const Scale to_ns = Scale::between(hz, 1'000'000'000);
    const std::uint64_t ten_years = hz * (UINT64_C(10) * 366 * 86400);
    const std::uint64_t ns = UINT64_C(10) * 366 * 86400 * 1'000'000'000;
    CAPTURE(hz);
    CHECK(to_ns(hz) >= 1'000'000'000 - 1);
    CHECK(to_ns(hz) <= 1'000'000'000);
    CHECK(to_ns(ten_years) <= ns);
    CHECK(to_ns(ten_years) >= ns - ns / 1'000'000);
  }
}

TEST_CASE("what does not fit saturates") {
  CHECK(Scale::between(1'000, 1'000'000'000)(UINT64_MAX) == UINT64_MAX);
}

TEST_CASE("a clock without a rate stands") {
  CHECK(Scale::between(0, 1'000'000'000)(12345) == 0);
}
