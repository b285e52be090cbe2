// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What only the loopback link promises, in both of its forms; what every link promises is in tests/conformance.
#include <hawser/transport/loopback.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

using namespace hawser;
using loopback::Misdeed;
using loopback::Violation;
using loopback::Which;

namespace {

Result<void, SendError> send(loopback::Link& link, std::string_view text) {
  const std::array parts = {std::as_bytes(std::span(text.data(), text.size()))};
  return link.channel().try_send(parts);
}

std::string receive(loopback::Link& link) {
  std::array<std::byte, 64> to;
  const auto length = link.channel().try_receive(to);
  if (!length) return "nothing";
  return std::string(reinterpret_cast<const char*>(to.data()), *length);
}

struct Fixture {
  explicit Fixture(loopback::Options options = {}) : pair(storage, with_handler(options)) {}

  loopback::Options with_handler(loopback::Options options) {
    options.violation = [](void* context, Which, Violation what) {
      static_cast<Fixture*>(context)->violations.push_back(what);
    };
    options.violation_context = this;
    return options;
  }

  std::vector<Violation> violations;
  loopback::Storage<64, 4, 4096> storage;
  loopback::Pair pair;
};

}  // namespace

TEST_CASE("the ends connect, and each first epoch comes from the seed") {
  Fixture f({.seed = 5});
  Fixture same({.seed = 5});
  Fixture other({.seed = 6});
  REQUIRE(f.pair.connect());
  REQUIRE(same.pair.connect());
  REQUIRE(other.pair.connect());
  CHECK(f.pair.first().epoch() == same.pair.first().epoch());
  CHECK(f.pair.first().epoch() != other.pair.first().epoch());
}

TEST_CASE("a killed end is noticed by its silence, one that says goodbye at once") {
  Fixture f({.silence = milliseconds(20)});
  REQUIRE(f.pair.connect());
  f.pair.kill(Which::kSecond);
  CHECK(f.pair.first().poll() != LinkEvent::kBroke);
  f.pair.advance(milliseconds(30));
  (void)f.pair.first().poll();
  CHECK(f.pair.first().state() == LinkState::kDown);
  f.pair.revive(Which::kSecond);
  REQUIRE(f.pair.connect());
  f.pair.leave(Which::kSecond);
  CHECK(f.pair.first().poll() == LinkEvent::kWentDown);
}

TEST_CASE("a dead end does nothing, and using it is reported") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.kill(Which::kSecond);
  loopback::Link& dead = f.pair.second();
  CHECK(dead.poll() == LinkEvent::kNothing);
  CHECK(send(dead, "x").error() == SendError::kDown);
  CHECK(receive(dead) == "nothing");
  dead.bell().arm();
  CHECK(dead.bell().wait(Instant::never()) == Wake::kCancelled);
  dead.bell().ring(Mark(1));
  CHECK(f.pair.first().bell().take() == 0);
  CHECK(std::count(f.violations.begin(), f.violations.end(), Violation::kUsedWhileDead) == 6);
  CHECK(f.pair.violations() == 6);
}

TEST_CASE("each misdeed breaks the other end with its own reason, and a reset repairs it") {
  struct Row {
    Misdeed misdeed;
    std::string_view reason;
  };
  constexpr Row kRows[] = {
      {Misdeed::kSaysItSentTooMuch, "the peer says that it sent more messages than the channel holds"},
      {Misdeed::kSaysItTookTooMuch, "the peer says that it took messages that were never sent"},
      {Misdeed::kMessageTooLong, "a message claims to be longer than the mtu"},
  };
  for (const Row& row : kRows) {
    for (const bool by_poll : {true, false}) {
      Fixture f;
      REQUIRE(f.pair.connect());
      f.pair.misbehave(Which::kFirst, row.misdeed);
      loopback::Link& victim = f.pair.second();
      LinkEvent event = by_poll ? victim.poll() : LinkEvent::kNothing;
      if (by_poll && row.misdeed != Misdeed::kMessageTooLong) CHECK(event == LinkEvent::kBroke);
      if (event == LinkEvent::kNothing) {
        CHECK(receive(victim) == "nothing");
        if (row.misdeed == Misdeed::kSaysItTookTooMuch) CHECK_FALSE(send(victim, "x").ok());
        CHECK(victim.state() == LinkState::kBroken);
        event = victim.poll();
      }
      CHECK(event == LinkEvent::kBroke);
      CHECK(victim.state() == LinkState::kBroken);
      CHECK(victim.broken_reason() == row.reason);
      CHECK(victim.poll() == LinkEvent::kNothing);
      CHECK(send(victim, "x").error() == SendError::kRefused);

      CHECK(f.pair.first().poll() == LinkEvent::kWentDown);
      victim.reset();
      CHECK(std::string_view(victim.broken_reason()).empty());
      CHECK(f.pair.connect());
    }
  }
}

TEST_CASE("a receive buffer is poison behind the message, and all of it after kTooSmall") {
  Fixture f;
  REQUIRE(f.pair.connect());
  REQUIRE(send(f.pair.first(), "abc").ok());
  std::array<std::byte, 8> to{};
  CHECK(f.pair.second().channel().try_receive(std::span(to).first(2)).error() == ReceiveError::kTooSmall);
  CHECK(to[0] == std::byte{0xdb});
  CHECK(to[1] == std::byte{0xdb});
  CHECK(to[2] == std::byte{0});
  REQUIRE(f.pair.second().channel().try_receive(to).ok());
  CHECK(to[2] == std::byte{'c'});
  CHECK(to[3] == std::byte{0xdb});
  CHECK(to[7] == std::byte{0xdb});
}

TEST_CASE("nothing of a message stays in the channel after it was received") {
  Fixture f;
  REQUIRE(f.pair.connect());
  const std::string_view text = "a needle that is long enough";
  const auto needle = std::as_bytes(std::span(text.data(), text.size()));
  const auto found = [&] {
    const auto hay = f.pair.control();
    return std::search(hay.begin(), hay.end(), needle.begin(), needle.end()) != hay.end();
  };
  REQUIRE(send(f.pair.first(), text).ok());
  CHECK(found());
  CHECK(receive(f.pair.second()) == text);
  CHECK_FALSE(found());
}

TEST_CASE("changing the parts after sending changes nothing") {
  Fixture f;
  REQUIRE(f.pair.connect());
  std::string text = "before";
  REQUIRE(send(f.pair.first(), text).ok());
  text = "after!";
  CHECK(receive(f.pair.second()) == "before");
}

TEST_CASE("with fixed slots a message arrives padded with zeros to the mtu") {
  Fixture f({.fixed_slots = true});
  REQUIRE(f.pair.connect());
  REQUIRE(send(f.pair.first(), "abc").ok());
  std::array<std::byte, 64> to;
  CHECK(f.pair.second().channel().try_receive(std::span(to).first(63)).error() == ReceiveError::kTooSmall);
  CHECK(*f.pair.second().channel().try_receive(to) == 64);
  CHECK(to[2] == std::byte{'c'});
  CHECK(std::all_of(to.begin() + 3, to.end(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST_CASE("refused and full can be ordered, and nothing is queued then") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.first().faults().refuse = 100;
  CHECK(send(f.pair.first(), "x").error() == SendError::kRefused);
  f.pair.first().faults() = {.full = 100};
  f.pair.first().bell().arm();
  CHECK(send(f.pair.first(), "x").error() == SendError::kFull);
  CHECK(f.pair.first().bell().wait(f.pair.first().now() + seconds(1)) == Wake::kRung);
  f.pair.first().faults() = {};
  CHECK(receive(f.pair.second()) == "nothing");
  REQUIRE(send(f.pair.first(), "y").ok());
  CHECK(receive(f.pair.second()) == "y");
}

TEST_CASE("spurious rings end waits and add marks") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.first().faults().spurious_rings = 100;
  f.pair.first().bell().arm();
  CHECK(f.pair.first().bell().wait(f.pair.first().now() + seconds(1)) == Wake::kRung);
  CHECK(f.pair.first().bell().take() != 0);
}

TEST_CASE(
    "a careless caller is reported: sending while down, waiting unarmed, unpolled, without a second look") {
  Fixture f;
  const auto only = [&f](Violation what) {
    const bool yes = f.violations == std::vector{what};
    f.violations.clear();
    return yes;
  };
  loopback::Link& link = f.pair.first();
  CHECK(send(link, "x").error() == SendError::kDown);
  CHECK(only(Violation::kSentWhileDown));

  REQUIRE(f.pair.connect());
  CHECK(link.bell().wait(link.now()) == Wake::kTimeout);
  CHECK(only(Violation::kWaitedUnarmed));

  (void)link.poll();
  link.bell().arm();
  (void)link.bell().wait(link.now());
  (void)link.bell().wait(link.now());
  CHECK(only(Violation::kWaitedWithoutPoll));

  REQUIRE(send(f.pair.second(), "x").ok());
  (void)link.poll();
  link.bell().arm();
  (void)link.bell().wait(link.now());
  CHECK(only(Violation::kWaitedWithoutRecheck));

  (void)link.poll();
  link.bell().arm();
  CHECK(receive(link) == "x");
  (void)link.bell().wait(link.now());
  CHECK(f.violations.empty());
}

TEST_CASE("every violation has a sentence of its own") {
  std::vector<std::string_view> all;
  for (int v = 0; v <= static_cast<int>(Violation::kUsedWhileDead); ++v) {
    all.emplace_back(loopback::describe(static_cast<Violation>(v)));
  }
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("the two ends may see the region at two addresses") {
  // Stands for two mappings of one memory; here they differ, so a write shows where it went.
  loopback::Storage<64, 4, 64> storage;
  alignas(64) std::array<std::byte, 64> elsewhere{};
  loopback::Pair pair(loopback::Shape{64, 4}, storage.control, storage.region, elsewhere);
  pair.second().region().area(Offset(8), 8, 8)->store<std::uint64_t>(0, 0x55);
  CHECK(elsewhere[8] == std::byte{0x55});
  CHECK(storage.region[8] != std::byte{0x55});
}

TEST_CASE("a ring that nobody waits for is no doorbell") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.first().bell().disarm();
  const auto before = f.pair.second().counters();
  f.pair.second().bell().ring(Mark(1));
  CHECK(f.pair.second().counters().rings_asked == before.rings_asked + 1);
  CHECK(f.pair.second().counters().doorbells == before.doorbells);
  f.pair.first().bell().arm();
  f.pair.second().bell().ring(Mark(1));
  CHECK(f.pair.second().counters().doorbells == before.doorbells + 1);
}
