// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Clauses 1.x: starting, dying, returning.
#pragma once

#include "bench.hpp"

namespace hawser::conformance {

HAWSER_CLAUSE("1.1 either end may start first, any time before the other") {
  for (const End early : kBothEnds) {
    Bench<P> fresh;
    const std::array only = {early};
    fresh.idle(milliseconds(100), only);
    CHECK(fresh.link(early).state() == LinkState::kDown);
    CHECK(fresh.events(early).empty());
    CHECK(fresh.connect());
  }
}

HAWSER_CLAUSE("1.1 an end that polls alone stays down") {
  const std::array only = {End::kFirst};
  b.idle(milliseconds(200), only);
  CHECK(b.first().state() == LinkState::kDown);
  CHECK(std::string_view(b.first().broken_reason()).empty());
}

HAWSER_CLAUSE("1.2 going up is reported once at each end") {
  REQUIRE(b.connect());
  b.idle(milliseconds(100));
  for (const End end : kBothEnds) CHECK(b.events(end) == std::vector{LinkEvent::kWentUp});
}

HAWSER_CLAUSE("1.2 a reset is the caller's own act: poll() reports only what follows") {
  REQUIRE(b.connect());
  const Epoch before = b.first().epoch();
  b.first().reset();
  CHECK(b.first().state() == LinkState::kDown);
  REQUIRE(b.connect_anew(before));
  b.idle(milliseconds(100));
  CHECK(b.events(End::kFirst) == std::vector{LinkEvent::kWentUp, LinkEvent::kWentUp});
  CHECK(b.events(End::kSecond) == std::vector{LinkEvent::kWentUp, LinkEvent::kWentDown, LinkEvent::kWentUp});
}

HAWSER_CLAUSE("1.3 while up both ends hold the same two epochs, crosswise, and neither is zero") {
  REQUIRE(b.connect());
  const Epoch first = b.first().epoch();
  const Epoch second = b.second().epoch();
  CHECK(first.own != 0);
  CHECK(first.peer != 0);
  CHECK(first.own == second.peer);
  CHECK(first.peer == second.own);
}

HAWSER_CLAUSE("1.3 an epoch stays as long as the link is up") {
  REQUIRE(b.connect());
  const Epoch first = b.first().epoch();
  b.idle(milliseconds(200));
  CHECK(b.passes(End::kFirst, "still here"));
  CHECK(b.first().epoch() == first);
}

HAWSER_CLAUSE("1.4 no two periods of being up have the same pair of epochs") {
  Random random(seed);
  std::vector<Epoch> seen;
  for (int i = 0; i < 12; ++i) {
    REQUIRE(b.until([&] { return b.both_up() && (seen.empty() || b.first().epoch() != seen.back()); }));
    const Epoch epoch = b.first().epoch();
    CHECK(std::find(seen.begin(), seen.end(), epoch) == seen.end());
    seen.push_back(epoch);
    const End end = random.chance(50) ? End::kFirst : End::kSecond;
    if (random.chance(50)) {
      b.link(end).reset();
    } else {
      b.pair.kill(end);
      b.pair.revive(end);
    }
  }
}

HAWSER_CLAUSE("1.5 when one end dies the other goes down, and up with a new epoch when it returns") {
  for (const End mortal : kBothEnds) {
    Bench<P> fresh;
    REQUIRE(fresh.connect());
    const Epoch before = fresh.first().epoch();
    const End survivor = other(mortal);
    const std::array living = {survivor};
    fresh.pair.kill(mortal);
    CHECK(fresh.until([&] { return fresh.link(survivor).state() == LinkState::kDown; }, living));
    fresh.idle(milliseconds(50), living);
    CHECK(fresh.events(survivor) == std::vector{LinkEvent::kWentUp, LinkEvent::kWentDown});
    CHECK(fresh.try_send(survivor, message_of("anybody?")).error() == SendError::kDown);

    fresh.pair.revive(mortal);
    REQUIRE(fresh.connect_anew(before));
    CHECK(fresh.passes(mortal, "back"));
    CHECK(fresh.passes(survivor, "welcome"));
    const Epoch after = fresh.first().epoch();
    CHECK((mortal == End::kFirst ? after.own != before.own : after.peer != before.peer));
  }
}

HAWSER_CLAUSE("1.5 an end that dies and returns at once is noticed all the same") {
  for (const End mortal : kBothEnds) {
    Bench<P> fresh;
    REQUIRE(fresh.connect());
    const Epoch before = fresh.first().epoch();
    fresh.pair.kill(mortal);
    fresh.pair.revive(mortal);
    REQUIRE(fresh.connect_anew(before));
    CHECK(fresh.events(other(mortal)) ==
          std::vector{LinkEvent::kWentUp, LinkEvent::kWentDown, LinkEvent::kWentUp});
    CHECK(fresh.passes(mortal, "back"));
    CHECK(fresh.passes(other(mortal), "welcome"));
  }
}

HAWSER_CLAUSE("1.5 both ends may die and return") {
  REQUIRE(b.connect());
  const Epoch before = b.first().epoch();
  for (const End end : kBothEnds) b.pair.kill(end);
  for (const End end : kBothEnds) b.pair.revive(end);
  REQUIRE(b.connect_anew(before));
  CHECK(b.passes(End::kFirst, "again"));
}

HAWSER_CLAUSE("1.5 both ends may reset at the same time") {
  REQUIRE(b.connect());
  const Epoch before = b.first().epoch();
  for (const End end : kBothEnds) b.link(end).reset();
  REQUIRE(b.connect_anew(before));
  CHECK(b.passes(End::kSecond, "again"));
}

HAWSER_CLAUSE("1.5 a reset before the link ever was up does no harm") {
  b.first().reset();
  b.second().reset();
  b.first().reset();
  CHECK(b.connect());
  CHECK(b.passes(End::kFirst, "fine"));
}

HAWSER_CLAUSE("1.6 ends that poll every kPollInterval stay up, with nothing to say") {
  REQUIRE(b.connect());
  for (std::uint64_t passed = 0; passed < 2 * P::kSilence.ns; passed += kPollInterval.ns) {
    for (const End end : kBothEnds) CHECK(b.link(end).poll() == LinkEvent::kNothing);
    b.pair.advance(kPollInterval);
  }
}

HAWSER_CLAUSE("1.6 an end that was silent too long finds itself in a new epoch, like its peer") {
  REQUIRE(b.connect());
  const Epoch before = b.first().epoch();
  const std::array only = {End::kSecond};
  REQUIRE(b.until([&] { return b.second().state() == LinkState::kDown; }, only));
  REQUIRE(b.connect_anew(before));
  CHECK(b.events(End::kFirst) == std::vector{LinkEvent::kWentUp, LinkEvent::kWentDown, LinkEvent::kWentUp});
  CHECK(b.passes(End::kFirst, "I was only slow"));
}

HAWSER_CLAUSE("1.7 what was sent before a restart is not received after it") {
  for (const End restarting : kBothEnds) {
    for (const bool killed : {false, true}) {
      Bench<P> fresh;
      REQUIRE(fresh.connect());
      const Epoch before = fresh.first().epoch();
      for (const End from : kBothEnds) {
        REQUIRE(fresh.send(from, message_of("old 1")));
        REQUIRE(fresh.send(from, message_of("old 2")));
      }
      if (killed) {
        fresh.pair.kill(restarting);
        fresh.pair.revive(restarting);
      } else {
        fresh.link(restarting).reset();
      }
      REQUIRE(fresh.connect_anew(before));
      for (const End to : kBothEnds) CHECK_FALSE(fresh.receive(to).has_value());
      CHECK(fresh.passes(End::kFirst, "new"));
      CHECK(fresh.passes(End::kSecond, "new"));
    }
  }
}

HAWSER_CLAUSE("1.7 a full channel of a dead epoch leaves the new one empty") {
  REQUIRE(b.connect());
  const Epoch before = b.first().epoch();
  for (int i = 0; i < 100'000 && b.send(End::kFirst, message_of("stale")); ++i) {
  }
  b.second().reset();
  REQUIRE(b.connect_anew(before));
  CHECK_FALSE(b.receive(End::kSecond).has_value());
  CHECK(b.passes(End::kFirst, "fresh"));
}

HAWSER_CLAUSE("6.2 the clock of an end never steps back") {
  Instant last = b.first().now();
  for (int i = 0; i < 1000; ++i) {
    const Instant now = b.first().now();
    CHECK(now >= last);
    last = now;
  }
  b.pair.advance(milliseconds(5));
  CHECK(elapsed(last, b.first().now()) >= milliseconds(5));
}

}  // namespace hawser::conformance
