// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Clauses 3.x: rings, marks, waits. threads.hpp does it with two threads.
#pragma once

#include "bench.hpp"

namespace hawser::conformance {

HAWSER_CLAUSE("3.1 a ring that comes after arm() and before wait() ends the wait") {
  REQUIRE(b.connect());
  for (const End end : kBothEnds) {
    REQUIRE(b.quieten(end));
    b.link(end).bell().arm();
    b.link(other(end)).bell().ring();
    CHECK(b.wait(end, seconds(2)) == Wake::kRung);
  }
}

HAWSER_CLAUSE("3.1 a ring with a mark ends the wait, whatever the mark") {
  REQUIRE(b.connect());
  for (unsigned n = 0; n < Mark::kCount; ++n) {
    REQUIRE(b.quieten(End::kFirst));
    b.first().bell().arm();
    b.second().bell().ring(Mark(n));
    CHECK(b.wait(End::kFirst, seconds(2)) == Wake::kRung);
    CHECK((b.collect(End::kFirst, Mark(n).bit()) & Mark(n).bit()) != 0);
  }
}

HAWSER_CLAUSE("3.1 who was woken finds the message that was sent before the ring") {
  REQUIRE(b.connect());
  for (int i = 0; i < 20; ++i) {
    REQUIRE(b.quieten(End::kSecond));
    b.second().bell().arm();
    CHECK_FALSE(b.receive(End::kSecond).has_value());
    REQUIRE(b.send(End::kFirst, message_of("look")));
    b.first().bell().ring();
    CHECK(b.wait(End::kSecond, seconds(2)) == Wake::kRung);
    CHECK(b.receive(End::kSecond).has_value());
  }
}

HAWSER_CLAUSE("3.1 an end stays armed after a wait: the next ring ends the next wait") {
  REQUIRE(b.connect());
  REQUIRE(b.quieten(End::kFirst));
  b.first().bell().arm();
  for (unsigned i = 0; i < 5; ++i) {
    b.second().bell().ring(Mark(i));
    CHECK(b.wait(End::kFirst, seconds(2)) == Wake::kRung);
    CHECK((b.collect(End::kFirst, Mark(i).bit()) & Mark(i).bit()) != 0);
  }
}

HAWSER_CLAUSE("3.1 a mark from before arm() that nobody took does not swallow the same after it") {
  REQUIRE(b.connect());
  for (const End end : kBothEnds) {
    REQUIRE(b.quieten(end));
    b.link(end).bell().disarm();
    b.link(other(end)).bell().ring(Mark(5));
    b.link(end).bell().arm();
    b.link(other(end)).bell().ring(Mark(5));
    CHECK(b.wait(end, seconds(2)) == Wake::kRung);
    CHECK((b.collect(end, Mark(5).bit()) & Mark(5).bit()) != 0);
  }
}

HAWSER_CLAUSE("3.1 after a wait the next ring of the same mark ends the next wait, taken or not") {
  REQUIRE(b.connect());
  REQUIRE(b.quieten(End::kSecond));
  b.second().bell().arm();
  for (int i = 0; i < 3; ++i) {
    b.first().bell().ring(Mark(9));
    CHECK(b.wait(End::kSecond, seconds(2)) == Wake::kRung);
  }
  CHECK((b.collect(End::kSecond, Mark(9).bit()) & Mark(9).bit()) != 0);
}

HAWSER_CLAUSE("3.2 rings are not counted: after many, one look finds everything") {
  REQUIRE(b.connect());
  Marks rung = 0;
  for (unsigned i = 0; i < 500; ++i) {
    const Mark mark(i * 7);
    b.first().bell().ring(mark);
    rung |= mark.bit();
  }
  CHECK((b.collect(End::kSecond, rung) & rung) == rung);
}

HAWSER_CLAUSE("3.3 no mark is lost, in whatever order marks are rung and taken") {
  REQUIRE(b.connect());
  Random random(seed);
  Marks missing = 0;
  for (int step = 0; step < 5000; ++step) {
    const Mark mark(static_cast<unsigned>(random.below(Mark::kCount)));
    switch (random.below(6)) {
      case 0:
      case 1:
      case 2:
        b.first().bell().ring(mark);
        missing |= mark.bit();
        break;
      case 3:
        missing &= ~b.second().bell().take();
        break;
      case 4:
        b.second().bell().arm();
        break;
      default:
        b.second().bell().disarm();
        break;
    }
    if (step % 50 == 0) {
      missing &= ~b.collect(End::kSecond, missing);
      REQUIRE(missing == 0);
    }
  }
}

HAWSER_CLAUSE("3.3 a mark that was taken can be rung again") {
  REQUIRE(b.connect());
  for (int i = 0; i < 10; ++i) {
    b.first().bell().ring(Mark(9));
    CHECK((b.collect(End::kSecond, Mark(9).bit()) & Mark(9).bit()) != 0);
  }
}

HAWSER_CLAUSE("3.4 a wait that nobody ends ends at its deadline and not before") {
  REQUIRE(b.connect());
  REQUIRE(b.quieten(End::kFirst));
  for (const Duration span : {microseconds(1), milliseconds(1), milliseconds(20)}) {
    Wake wake = Wake::kRung;
    Instant until;
    for (int i = 0; i < 1000 && wake == Wake::kRung; ++i) {  // a ring for no reason is legal
      (void)b.first().poll();
      b.first().bell().arm();
      until = b.first().now() + span;
      wake = b.first().bell().wait(until);
    }
    CHECK(wake == Wake::kTimeout);
    CHECK(b.first().now() >= until);
    CHECK(elapsed(until, b.first().now()) < seconds(5));
  }
}

HAWSER_CLAUSE("3.4 a wait until now or until the past does not sleep") {
  REQUIRE(b.connect());
  for (const bool past : {false, true}) {
    (void)b.first().poll();
    b.first().bell().arm();
    const Instant before = b.first().now();
    (void)b.first().bell().wait(past ? Instant{0} : before);
    CHECK(elapsed(before, b.first().now()) < seconds(1));
  }
}

HAWSER_CLAUSE("3.4 waiting works while the link is down") {
  (void)b.first().poll();
  b.first().bell().arm();
  const Instant until = b.first().now() + milliseconds(5);
  CHECK(b.first().bell().wait(until) != Wake::kCancelled);
}

HAWSER_CLAUSE("3.5 a wait without arm() is bounded like any other") {
  REQUIRE(b.connect());
  b.first().bell().disarm();
  b.second().bell().ring();
  const Instant before = b.first().now();
  CHECK(b.wait(End::kFirst, milliseconds(5)) != Wake::kCancelled);
  CHECK(elapsed(before, b.first().now()) < seconds(5));
}

HAWSER_CLAUSE("3.6 after disarm() marks are still collected") {
  REQUIRE(b.connect());
  b.second().bell().arm();
  b.second().bell().disarm();
  for (const unsigned n : {0u, 1u, 31u, 32u, 63u}) b.first().bell().ring(Mark(n));
  const Marks wanted = Mark(0).bit() | Mark(1).bit() | Mark(31).bit() | Mark(32).bit() | Mark(63).bit();
  CHECK((b.collect(End::kSecond, wanted) & wanted) == wanted);
}

HAWSER_CLAUSE("3.7 a wait that is cancelled before it begins ends at once, as cancelled") {
  if constexpr (requires { b.first().bell().cancel(); }) {
    REQUIRE(b.connect());
    REQUIRE(b.quieten(End::kFirst));
    b.first().bell().arm();
    b.first().bell().cancel();
    CHECK(b.wait(End::kFirst, seconds(20)) == Wake::kCancelled);
    b.first().bell().arm();
    CHECK(b.wait(End::kFirst, milliseconds(1)) != Wake::kCancelled);
  }
}

}  // namespace hawser::conformance
