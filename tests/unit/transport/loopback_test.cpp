// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What only the loopback link promises; what every link promises is in tests/conformance.
#include <hawser/transport/loopback.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

using namespace hawser;
using loopback::Which;

namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Result<void, SendError> send(loopback::Link& link, std::string_view text) {
  const std::array parts = {bytes(text)};
  return link.channel().try_send(parts);
}

std::string receive(loopback::Link& link) {
  std::array<std::byte, 512> to;
  const auto length = link.channel().try_receive(to);
  if (!length) return "nothing";
  return std::string(reinterpret_cast<const char*>(to.data()), *length);
}

struct Fixture {
  loopback::Storage<512, 4, 4096> storage;
  loopback::Pair pair;
  explicit Fixture(const loopback::Options& options = {}) : pair(storage, options) {}
};

}  // namespace

TEST_CASE("waiting runs the other end, so that a request is answered in one thread") {
  Fixture f;
  f.pair.second().on_idle(
      [](void* context) {
        auto& link = *static_cast<loopback::Link*>(context);
        (void)link.poll();
        const std::string request = receive(link);
        if (request == "nothing") return;
        REQUIRE(send(link, request + " to you too").ok());
        link.bell().ring();
      },
      &f.pair.second());
  loopback::Link& link = f.pair.first();
  link.bell().arm();
  while (link.poll() != LinkEvent::kWentUp) (void)link.bell().wait(link.now() + kPollInterval);

  REQUIRE(send(link, "hello").ok());
  link.bell().ring();
  link.bell().arm();
  const Instant before = link.now();
  CHECK(receive(link) == "nothing");
  CHECK(link.bell().wait(link.now() + seconds(1)) == Wake::kRung);
  CHECK(receive(link) == "hello to you too");
  CHECK(elapsed(before, link.now()) < milliseconds(1));
}

TEST_CASE("a killed end is noticed by its silence, one that says goodbye at once") {
  Fixture f;
  REQUIRE(f.pair.connect());
  f.pair.kill(Which::kSecond);
  CHECK(f.pair.first().poll() == LinkEvent::kNothing);
  f.pair.advance(seconds(2));
  CHECK(f.pair.first().poll() == LinkEvent::kWentDown);
  f.pair.revive(Which::kSecond);
  REQUIRE(f.pair.connect());
  f.pair.leave(Which::kSecond);
  CHECK(f.pair.first().poll() == LinkEvent::kWentDown);
}

TEST_CASE("each misdeed breaks the other end with its own reason") {
  struct Row {
    loopback::Misdeed misdeed;
    std::string_view reason;
  };
  for (const Row row :
       {Row{loopback::Misdeed::kSaysItSentTooMuch,
            "the peer says that it sent more messages than the channel holds"},
        Row{loopback::Misdeed::kSaysItTookTooMuch,
            "the peer says that it took messages that were never sent"},
        Row{loopback::Misdeed::kMessageTooLong, "a message claims to be longer than the mtu"}}) {
    Fixture f;
    REQUIRE(f.pair.connect());
    f.pair.misbehave(Which::kFirst, row.misdeed);
    loopback::Link& victim = f.pair.second();
    LinkEvent event = victim.poll();
    if (event == LinkEvent::kNothing) {
      CHECK(receive(victim) == "nothing");
      event = victim.poll();
    }
    CHECK(event == LinkEvent::kBroke);
    CHECK(victim.state() == LinkState::kBroken);
    CHECK(victim.broken_reason() == row.reason);
    CHECK(send(victim, "x").error() == SendError::kRefused);

    CHECK(f.pair.first().poll() == LinkEvent::kWentDown);
    victim.reset();
    CHECK(f.pair.connect());
  }
}
