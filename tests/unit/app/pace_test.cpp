// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/app/pace.hpp>

#include <doctest/doctest.h>

using namespace hawser;
using hawser::app::Pace;

TEST_CASE("what is asked a thousand times a second is told twenty times, then once a second") {
  Pace pace;
  unsigned told = 0;
  Instant now{987'654'321};
  const Instant start = now;
  while (elapsed(start, now) < seconds(30)) {
    told += pace.allows(now);
    now = now + milliseconds(1);
  }
  CHECK(told >= Pace::kAtOnce + 29);
  CHECK(told <= Pace::kAtOnce + 31);
}

TEST_CASE("a rest is worth no more than what may be told at once") {
  Pace pace;
  const Instant late{seconds(100'000).ns};
  unsigned told = 0;
  for (unsigned n = 0; n < 1000; ++n) told += pace.allows(late);
  CHECK(told == Pace::kAtOnce);
}
