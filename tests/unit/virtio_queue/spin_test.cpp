// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/queue/spin.hpp>

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::virtio;

namespace {

/// A clock that goes on by 1 us each time it is asked, work that arrives at a set time, and counts of what
/// was done.
struct World {
  Instant time{1'000'000};
  Instant work = Instant::never();
  int looks = 0;
  int arms = 0;
  int sleeps = 0;

  Wake wait(AdaptiveSpin& spin, Instant until = Instant::never()) {
    return spin_then_sleep(
        spin, until,
        [this] {
          ++looks;
          return time >= work;
        },
        [this] {
          ++arms;
          return time >= work;
        },
        [this](Instant at_most) {
          ++sleeps;
          time = std::min(work, at_most);
          return time >= work ? Wake::kRung : Wake::kTimeout;
        },
        [this] {
          time = time + microseconds(1);
          return time;
        });
  }
};

}  // namespace

TEST_CASE("work that is there is found without a sleep") {
  World world;
  world.work = world.time;
  AdaptiveSpin spin;
  CHECK(world.wait(spin) == Wake::kRung);
  CHECK(world.looks == 1);
  CHECK(world.arms == 0);
}

TEST_CASE("work that comes soon is found by looking") {
  World world;
  world.work = world.time + microseconds(20);
  AdaptiveSpin spin(AdaptiveSpin::Mode::kAdaptive, microseconds(50));
  CHECK(world.wait(spin) == Wake::kRung);
  CHECK(world.sleeps == 0);
}

TEST_CASE("when work comes late, looking gets shorter until there is none") {
  World world;
  AdaptiveSpin spin(AdaptiveSpin::Mode::kAdaptive, microseconds(50));
  Duration last = spin.budget();
  for (int n = 0; n < 17; ++n) {
    world.work = world.time + milliseconds(10);
    CHECK(world.wait(spin) == Wake::kRung);
    CHECK(spin.budget() <= last);
    last = spin.budget();
  }
  CHECK(spin.budget() == Duration{});
  world.looks = 0;
  world.work = world.time + milliseconds(10);
  CHECK(world.wait(spin) == Wake::kRung);
  CHECK(world.looks == 0);
}

TEST_CASE("when work comes soon again, looking comes back") {
  World world;
  AdaptiveSpin spin(AdaptiveSpin::Mode::kAdaptive, microseconds(50));
  for (int n = 0; n < 20; ++n) spin.slept(milliseconds(10));
  REQUIRE(spin.budget() == Duration{});
  world.work = world.time + microseconds(10);
  CHECK(world.wait(spin) == Wake::kRung);
  CHECK(world.sleeps == 1);
  CHECK(spin.budget() >= microseconds(10));
  world.work = world.time + microseconds(10);
  CHECK(world.wait(spin) == Wake::kRung);
  CHECK(world.sleeps == 1);
}

TEST_CASE("looking is never longer than the longest that pays") {
  AdaptiveSpin spin(AdaptiveSpin::Mode::kAdaptive, microseconds(50));
  for (int n = 0; n < 10; ++n) spin.slept(microseconds(49));
  CHECK(spin.budget() == microseconds(50));
}

TEST_CASE("polling only never arms and never sleeps, but knows its deadline") {
  World world;
  AdaptiveSpin spin(AdaptiveSpin::Mode::kPollOnly);
  CHECK(world.wait(spin, world.time + milliseconds(1)) == Wake::kTimeout);
  world.work = world.time + milliseconds(3);
  CHECK(world.wait(spin) == Wake::kRung);
  CHECK(world.arms == 0);
  CHECK(world.sleeps == 0);
}

TEST_CASE("without spinning the first thing is to arm") {
  World world;
  world.work = world.time + microseconds(1000);
  AdaptiveSpin spin(AdaptiveSpin::Mode::kNever);
  CHECK(world.wait(spin) == Wake::kRung);
  CHECK(world.looks == 0);
  CHECK(world.arms == 1);
  CHECK(world.sleeps == 1);
}

TEST_CASE("work found while arming is not slept upon") {
  World world;
  AdaptiveSpin spin(AdaptiveSpin::Mode::kNever);
  world.work = world.time;
  CHECK(world.wait(spin) == Wake::kRung);
  CHECK(world.sleeps == 0);
}

TEST_CASE("a deadline ends looking and sleeping") {
  World world;
  AdaptiveSpin spin;
  const Instant until = world.time + microseconds(5);
  CHECK(world.wait(spin, until) == Wake::kTimeout);
  CHECK(world.time <= until + microseconds(2));
}
