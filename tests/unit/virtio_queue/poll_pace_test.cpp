// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/queue/poll_pace.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using hawser::virtio::PollPace;

namespace {

/// One answer that takes so many hints: how often was looked in vain behind the first look, which comes at once.
unsigned early_looks(PollPace& pace, unsigned answer) {
  unsigned waited = pace.pause(), early = 0;
  for (; waited < answer; waited += pace.pause()) ++early;
  pace.found();
  return early;
}

unsigned early_looks(PollPace& pace, unsigned answer, unsigned times) {
  unsigned early = 0;
  while (times-- != 0) early += early_looks(pace, answer);
  return early;
}

}  // namespace

TEST_CASE("whoever polls learns when an answer can be there, and does not look before") {
  for (const unsigned answer : {1u, 2u, 3u, 5u, 8u}) {
    PollPace pace;
    early_looks(pace, answer, 200);  // learn
    // A shorter pause is tried for 16 answers after 128.
    CHECK(early_looks(pace, answer, 1440) <= 160);
  }
}

TEST_CASE("answers that come sooner than they did are waited for less") {
  PollPace pace;
  early_looks(pace, 8, 200);
  CHECK(pace.pause() >= 7);
  pace.found();
  early_looks(pace, 2, 1000);
  CHECK(pace.pause() <= 3);
}

TEST_CASE("a peer that answers much later teaches nothing") {
  PollPace pace;
  early_looks(pace, 1000, 100);
  CHECK(pace.pause() == 1);
}

TEST_CASE("no pause is longer than eight hints, and only the first is longer than one") {
  PollPace pace;
  early_looks(pace, 16, 1000);
  CHECK(pace.pause() == 8);
  for (int n = 0; n < 100; ++n) CHECK(pace.pause() == 1);
}

TEST_CASE("work that is there at once teaches nothing") {
  PollPace pace;
  early_looks(pace, 4, 200);
  for (int n = 0; n < 1000; ++n) pace.found();
  CHECK(pace.pause() >= 3);
}
