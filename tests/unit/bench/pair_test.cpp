// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How two threads are timed.
#include "native/limits.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>
#include <vector>

using namespace hawser::bench;

TEST_CASE("a few units warm up both threads before the clock runs, and are not timed one by one") {
  std::vector<Pass> measured, answered;
  Histogram single;
  const Run run = timed_pair(
      {0, 0}, 1000, &single,
      [&](Patience&, const Pass& pass) {
        measured.push_back(pass);
        if (measured.size() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      },
      [&](Patience&, const Pass& pass) { answered.push_back(pass); });
  REQUIRE(measured.size() == 2);
  REQUIRE(answered.size() == 2);
  CHECK(measured[0].units < 1000);
  CHECK(measured[0].single == nullptr);
  CHECK(measured[1].from == measured[0].end());
  CHECK(measured[1].units == 1000);
  CHECK(measured[1].single == &single);
  CHECK(run.ns < 50e6);
}

TEST_CASE(
    "a warm-up that was given up ends the run: neither side begins what counts from where the other is not") {
  unsigned measured = 0, answered = 0;
  const Run run = timed_pair(
      {0, 0}, 1000, nullptr,
      [&](Patience& patience, const Pass&) {
        ++measured;
        while (patience.wait()) {
        }
      },
      [&](Patience&, const Pass&) { ++answered; });
  CHECK(measured == 1);
  CHECK(answered == 1);
  CHECK(run.disturbed);
  CHECK(run.ns == 0);
}

TEST_CASE("what is timed one by one is as many as asked for, for all that count") {
  const Cores cores{0, 0};
  Histogram eventfd, futex;
  CHECK(eventfd_trip(cores, 200, &eventfd).broken.empty());
  CHECK(futex_trip(cores, 200, &futex).broken.empty());
  CHECK(eventfd.total() == 200);
  CHECK(futex.total() == 200);
}
