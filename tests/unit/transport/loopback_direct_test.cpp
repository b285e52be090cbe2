// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What only the direct form promises: virtual time, and the other end running inside wait().
#include <hawser/transport/loopback.hpp>

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace hawser;
using loopback::Violation;
using loopback::Which;

namespace {

struct Fixture {
  explicit Fixture(loopback::Options options = {}) : pair(storage, with_handler(options)) {}

  loopback::Options with_handler(loopback::Options options) {
    options.violation = [](void* context, Which, Violation what) {
      static_cast<Fixture*>(context)->violations.push_back(what);
    };
    options.violation_context = this;
    return options;
  }
  bool saw(Violation what) const {
    for (const Violation v : violations) {
      if (v == what) return true;
    }
    return false;
  }

  std::vector<Violation> violations;
  loopback::Storage<64, 4, 4096> storage;
  loopback::Pair pair;
};

Result<void, SendError> send_byte(loopback::Link& link) {
  const std::array<std::byte, 1> byte{std::byte{1}};
  const std::array parts = {std::span<const std::byte>(byte)};
  return link.channel().try_send(parts);
}

/// Answers each message with one, and rings.
void answer(void* context) {
  auto& link = *static_cast<loopback::Link*>(context);
  (void)link.poll();
  std::array<std::byte, 64> to;
  while (link.channel().try_receive(to).ok()) {
    REQUIRE(send_byte(link).ok());
    link.bell().ring();
  }
}

}  // namespace

TEST_CASE("waiting runs the other end, so that a request is answered in one thread") {
  Fixture f;
  f.pair.second().on_idle(answer, &f.pair.second());
  loopback::Link& link = f.pair.first();
  while (link.poll() != LinkEvent::kWentUp) {
    link.bell().arm();
    (void)link.bell().wait(link.now() + kPollInterval);
  }
  REQUIRE(send_byte(link).ok());
  link.bell().ring();
  link.bell().arm();
  std::array<std::byte, 64> to;
  CHECK(link.channel().try_receive(to).error() == ReceiveError::kEmpty);
  const Instant before = link.now();
  (void)link.poll();
  CHECK(link.bell().wait(link.now() + seconds(1)) == Wake::kRung);
  CHECK(link.channel().try_receive(to).ok());
  CHECK(elapsed(before, link.now()) < milliseconds(1));
  CHECK(f.violations.empty());
}

TEST_CASE("a wait takes its virtual time and no real one") {
  Fixture f;
  loopback::Link& link = f.pair.first();
  (void)link.poll();
  link.bell().arm();
  const Instant before = link.now();
  CHECK(link.bell().wait(before + seconds(3600)) == Wake::kTimeout);
  CHECK(elapsed(before, link.now()) >= seconds(3600));
  CHECK(elapsed(before, link.now()) < seconds(3601));
}

TEST_CASE("a loop that only looks at the clock ends") {
  Fixture f;
  loopback::Link& link = f.pair.first();
  const Instant until = link.now() + microseconds(10);
  int turns = 0;
  while (link.now() < until) ++turns;
  CHECK(turns < 1000);
}

TEST_CASE("a step that waits does not run the end that waits for it") {
  Fixture f;
  int steps = 0;
  struct Context {
    loopback::Pair& pair;
    int& steps;
  } context{f.pair, steps};
  f.pair.first().on_idle([](void*) { FAIL("the waiting end was run"); }, nullptr);
  f.pair.second().on_idle(
      [](void* c) {
        auto& [pair, count] = *static_cast<Context*>(c);
        ++count;
        (void)pair.second().poll();
        pair.second().bell().arm();
        CHECK(pair.second().bell().wait(pair.second().now() + microseconds(5)) == Wake::kTimeout);
      },
      &context);
  (void)f.pair.first().poll();
  f.pair.first().bell().arm();
  CHECK(f.pair.first().bell().wait(f.pair.first().now() + microseconds(50)) != Wake::kCancelled);
  CHECK(steps > 0);
}

TEST_CASE("the two clocks have nothing to do with one another") {
  Fixture f;
  const Duration apart = elapsed(f.pair.first().now(), f.pair.second().now());
  const Duration other_way = elapsed(f.pair.second().now(), f.pair.first().now());
  CHECK((apart > seconds(60) || other_way > seconds(60)));
}

TEST_CASE("a wait that nobody will ever end is reported and ends all the same") {
  Fixture f;
  (void)f.pair.first().poll();
  f.pair.first().bell().arm();
  CHECK(f.pair.first().bell().wait(Instant::never()) == Wake::kRung);
  CHECK(f.saw(Violation::kWaitedForever));
}

TEST_CASE("polling too rarely is reported") {
  Fixture f;
  (void)f.pair.first().poll();
  f.pair.advance(milliseconds(99));
  (void)f.pair.first().poll();
  CHECK(f.violations.empty());
  f.pair.advance(milliseconds(101));
  (void)f.pair.first().poll();
  CHECK(f.saw(Violation::kPolledTooRarely));
}

TEST_CASE("a delayed ring arrives late, and no later than was ordered") {
  Fixture f;
  REQUIRE(f.pair.connect());
  loopback::Link& link = f.pair.first();
  link.bell().arm();
  f.pair.second().faults().delay_rings = 100;
  f.pair.second().faults().longest_delay = milliseconds(2);
  Duration longest{0};
  for (int i = 0; i < 100; ++i) {
    f.pair.second().bell().ring(Mark(3));
    const Instant before = link.now();
    (void)link.poll();
    REQUIRE(link.bell().wait(before + milliseconds(5)) == Wake::kRung);
    CHECK(link.bell().take() == Mark(3).bit());
    const Duration took = elapsed(before, link.now());
    CHECK(took < microseconds(2010));
    if (took > longest) longest = took;
  }
  CHECK(longest > milliseconds(1));
}

TEST_CASE("a reordered ring arrives after the next one") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.second().faults().reorder_rings = 100;
  f.pair.second().bell().ring(Mark(1));
  CHECK(f.pair.first().bell().take() == 0);
  f.pair.second().faults().reorder_rings = 0;
  f.pair.second().bell().ring(Mark(2));
  CHECK(f.pair.first().bell().take() == (Mark(1).bit() | Mark(2).bit()));
}

TEST_CASE("a reordered ring with no other after it arrives all the same") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.second().faults().reorder_rings = 100;
  f.pair.second().bell().ring(Mark(1));
  f.pair.advance(milliseconds(2));
  CHECK(f.pair.first().bell().take() == Mark(1).bit());
}

TEST_CASE("a duplicated ring arrives twice") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.second().faults().duplicate_rings = 100;
  f.pair.second().bell().ring(Mark(1));
  CHECK(f.pair.first().bell().take() == Mark(1).bit());
  f.pair.advance(milliseconds(2));
  CHECK(f.pair.first().bell().take() == Mark(1).bit());
  f.pair.advance(milliseconds(2));
  CHECK(f.pair.first().bell().take() == 0);
}

TEST_CASE("a dropped ring never arrives, and the wait still ends") {
  Fixture f;
  REQUIRE(f.pair.connect());
  loopback::Link& link = f.pair.first();
  f.pair.second().faults().drop_rings = 100;
  (void)link.poll();
  link.bell().arm();
  f.pair.second().bell().ring(Mark(1));
  CHECK(link.bell().wait(link.now() + kPollInterval) == Wake::kTimeout);
  CHECK(link.bell().take() == 0);
}

TEST_CASE("as many late rings as you like are merged, none is lost") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.second().faults().delay_rings = 100;
  for (unsigned i = 0; i < Mark::kCount; ++i) f.pair.second().bell().ring(Mark(i));
  f.pair.advance(milliseconds(2));
  CHECK(f.pair.first().bell().take() == ~Marks{0});
}
