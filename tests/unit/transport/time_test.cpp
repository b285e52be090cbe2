// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/transport/time.hpp>

#include <doctest/doctest.h>

using namespace hawser;

TEST_CASE("a deadline beyond the end of time is never") {
  CHECK(Instant{UINT64_MAX - 5} + Duration{6} == Instant::never());
  CHECK(Instant{UINT64_MAX - 5} + Duration{5} == Instant{UINT64_MAX});
  CHECK(Instant::never() + seconds(1) == Instant::never());
}

TEST_CASE("a clock that steps back gives an empty span, not an endless one") {
  CHECK(elapsed(Instant{10}, Instant{3}) == Duration{0});
  CHECK(elapsed(Instant{3}, Instant{10}) == Duration{7});
}

TEST_CASE("spans are nanoseconds underneath") {
  CHECK(microseconds(3).ns == 3'000);
  CHECK(milliseconds(3).ns == 3'000'000);
  CHECK(seconds(3).ns == 3'000'000'000);
}
