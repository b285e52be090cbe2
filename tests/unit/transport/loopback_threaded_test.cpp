// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What only the threaded form promises: waits that really sleep, and end by what another thread does.
#include <hawser/transport/loopback.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

using namespace hawser;
using loopback::Which;

namespace {

struct Fixture {
  loopback::Storage<64, 4, 4096> storage;
  loopback::Pair pair{storage};

  /// The first end waits, long; `act` happens meanwhile in another thread.
  template <class Act>
  Wake wait_while(Act act) {
    (void)pair.first().poll();
    pair.first().bell().arm();
    std::thread thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      act();
    });
    const Wake wake = pair.first().bell().wait(pair.first().now() + seconds(60));
    thread.join();
    return wake;
  }
};

}  // namespace

TEST_CASE("a ring of another thread ends a sleep") {
  Fixture f;
  REQUIRE(f.pair.connect());
  CHECK(f.wait_while([&] { f.pair.second().bell().ring(); }) == Wake::kRung);
}

TEST_CASE("a sleep is cancelled by another thread") {
  Fixture f;
  CHECK(f.wait_while([&] { f.pair.first().bell().cancel(); }) == Wake::kCancelled);
}

TEST_CASE("an end that is killed in its sleep wakes up cancelled") {
  Fixture f;
  CHECK(f.wait_while([&] { f.pair.kill(Which::kFirst); }) == Wake::kCancelled);
}

TEST_CASE("a late ring ends a sleep when it is due") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.second().faults().delay_rings = 100;
  f.pair.second().faults().longest_delay = milliseconds(40);
  f.pair.first().bell().arm();
  f.pair.second().bell().ring();
  (void)f.pair.first().poll();
  CHECK(f.pair.first().bell().wait(f.pair.first().now() + seconds(60)) == Wake::kRung);
}

TEST_CASE("a deadline beyond all reckoning is a sleep that a ring ends") {
  Fixture f;
  REQUIRE(f.pair.connect());
  std::thread thread;
  for (const Instant until : {Instant::never(), Instant{UINT64_MAX - 1}, Instant{UINT64_MAX / 2}}) {
    (void)f.pair.first().poll();
    f.pair.first().bell().arm();
    thread = std::thread([&] { f.pair.second().bell().ring(); });
    CHECK(f.pair.first().bell().wait(until) == Wake::kRung);
    thread.join();
  }
}
