// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Clauses 5.x: a peer that breaks the protocol, and one that writes anything anywhere.
#pragma once

#include "bench.hpp"

namespace hawser::conformance {

template <class P>
concept CanMisbehave = requires(P& pair, End end) {
  pair.misbehave(end);
};
template <class P>
concept HasControlBytes = requires(P& pair) {
  { pair.control_bytes() } -> std::same_as<std::span<std::byte>>;
};

/// What must hold of an end whatever its peer does.
template <class L>
void check_sane(L& link) {
  switch (link.state()) {
    case LinkState::kUp:
      CHECK(link.epoch().own != 0);
      CHECK(link.epoch().peer != 0);
      CHECK(std::string_view(link.broken_reason()).empty());
      break;
    case LinkState::kDown:
      CHECK(std::string_view(link.broken_reason()).empty());
      break;
    case LinkState::kBroken:
      CHECK_FALSE(std::string_view(link.broken_reason()).empty());
      break;
    default:
      FAIL("a state that does not exist");
  }
}

HAWSER_CLAUSE("5.2 a peer that breaks the protocol breaks the link, with a reason, until reset()") {
  if constexpr (CanMisbehave<P>) {
    for (int deed = 0; deed < 6; ++deed) {
      const End bad = kBothEnds[deed % 2];
      Bench<P> fresh;
      const End good = other(bad);
      REQUIRE(fresh.connect());
      const Epoch before = fresh.first().epoch();
      fresh.pair.misbehave(bad);
      auto& victim = fresh.link(good);
      for (int i = 0; i < 10 && victim.state() != LinkState::kBroken; ++i) {
        fresh.note(good, victim.poll());
        (void)fresh.receive(good);
        if (victim.state() == LinkState::kUp) (void)fresh.try_send(good, message_of("x"));
      }
      const std::array only = {good};
      fresh.idle(milliseconds(20), only);
      CHECK(victim.state() == LinkState::kBroken);
      CHECK(fresh.events(good) == std::vector{LinkEvent::kWentUp, LinkEvent::kBroke});
      check_sane(victim);

      CHECK(fresh.try_send(good, message_of("x")).error() == SendError::kRefused);
      Message to(64);
      CHECK(victim.channel().try_receive(to).error() == ReceiveError::kDown);
      CHECK(fresh.until([&] { return !fresh.up(bad); }));
      fresh.idle(milliseconds(200));
      CHECK(victim.state() == LinkState::kBroken);

      victim.reset();
      CHECK(victim.state() == LinkState::kDown);
      CHECK(std::string_view(victim.broken_reason()).empty());
      if (fresh.link(bad).state() == LinkState::kBroken) fresh.link(bad).reset();
      REQUIRE(fresh.connect_anew(before));
      CHECK(fresh.passes(good, "forgiven"));
      CHECK(fresh.passes(bad, "sorry"));
    }
  }
}

HAWSER_CLAUSE("5.2 a link that is not broken has no reason to be") {
  CHECK(std::string_view(b.first().broken_reason()).empty());
  REQUIRE(b.connect());
  for (const End end : kBothEnds) check_sane(b.link(end));
}

HAWSER_CLAUSE("5.3 whatever is written over the control area, both ends go on, and a reset repairs them") {
  if constexpr (HasControlBytes<P>) {
    Random random(seed);
    for (int round = 0; round < 60; ++round) {
      Bench<P> fresh;
      REQUIRE(fresh.connect());
      const std::span<std::byte> control = fresh.pair.control_bytes();
      for (int step = 0; step < 30; ++step) {
        // A few bytes, or one word that is nearly right; near the beginning, where the words usually are, or anywhere.
        const std::size_t reach =
            random.chance(70) ? std::min<std::size_t>(control.size(), 1024) : control.size();
        const std::size_t at = random.below(reach);
        const std::size_t length = std::min<std::size_t>(control.size() - at, 1 + random.below(16));
        if (random.chance(50)) {
          random.fill(control.subspan(at, length));
        } else {
          control[at] =
              static_cast<std::byte>(std::to_integer<unsigned>(control[at]) + 1 - 2 * random.below(2));
        }
        for (const End end : kBothEnds) {
          auto& link = fresh.link(end);
          (void)link.poll();
          check_sane(link);
          if (link.state() == LinkState::kUp) {
            (void)fresh.try_send(end, Message(random.below(link.channel().mtu() + 1)));
          }
          Message to(random.chance(80) ? 4096 : 8);
          const auto got = link.channel().try_receive(to);
          if (got) CHECK(*got <= to.size());
          link.bell().ring(Mark(static_cast<unsigned>(random.next())));
          (void)link.bell().take();
          link.bell().arm();
          (void)link.bell().wait(link.now());
          if (link.state() == LinkState::kBroken && random.chance(50)) link.reset();
          check_sane(link);
        }
      }
      for (const End end : kBothEnds) fresh.link(end).reset();
      REQUIRE(fresh.connect());
      while (fresh.receive(End::kFirst) || fresh.receive(End::kSecond)) {
      }
      CHECK(fresh.passes(End::kFirst, "still alive"));
      CHECK(fresh.passes(End::kSecond, "still alive"));
    }
  }
}

}  // namespace hawser::conformance
