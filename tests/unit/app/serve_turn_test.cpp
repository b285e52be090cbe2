// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/app/serve.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace hawser;

namespace {

/// A bus whose driver never pauses, and whose every round takes a set time.
struct BusyBus {
  struct Bell {
    Wake answer = Wake::kTimeout;
    int waits = 0;
    Wake wait(Instant) {
      ++waits;
      return answer;
    }
  };
  struct Link {
    Instant time{1'000'000};
    Bell doorbell;
    Instant now() const { return time; }
    LinkCounters counters() const { return {}; }
    Visibility visibility() const { return Visibility::kShared; }
    Bell& bell() { return doorbell; }
  };

  Link connection;
  Duration round = microseconds(10);
  unsigned rounds_since_step = 0;
  unsigned most_rounds = 0;
  int sleeps = 0;

  Link& link() { return connection; }
  bool step() {
    rounds_since_step = 0;
    connection.time = connection.time + round;
    return false;
  }
  bool serve_queues() {
    most_rounds = std::max(most_rounds, ++rounds_since_step);
    connection.time = connection.time + round;
    return true;
  }
  bool busy() const { return true; }
  Wake wait(Instant) {
    ++sleeps;
    return Wake::kTimeout;
  }
};

}  // namespace

TEST_CASE("a driver that never pauses does not keep its server from all else") {
  BusyBus bus;
  const Instant begin = bus.connection.time;
  CHECK(app::serve_turn(bus, microseconds(50)) == Wake::kRung);
  CHECK(elapsed(begin, bus.connection.time) <= Duration{kPollInterval.ns + milliseconds(1).ns});
  CHECK(bus.sleeps == 0);
}

TEST_CASE("nor from hearing that it shall stop") {
  BusyBus bus;
  bus.connection.doorbell.answer = Wake::kCancelled;
  CHECK(app::serve_turn(bus, microseconds(50)) == Wake::kCancelled);
}

TEST_CASE("long rounds do not keep the link from its heartbeat") {
  BusyBus bus;
  bus.round = milliseconds(2);
  (void)app::serve_turn(bus, microseconds(50));
  CHECK(bus.most_rounds <= 2);
}
