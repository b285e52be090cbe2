// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A peer that says what no honest end says. Each ends in a named, latched state that reset() leaves, or in nothing.
#include "two_domains.hpp"

#include <hawser/transport/random.hpp>
#include "support/seed.hpp"

#include <doctest/doctest.h>

#include <functional>

namespace hawser::argo {

namespace {

/// Breaks a link that is up by a deed, and finds it broken by the peer with `word` in the reason.
void breaks(std::string_view word, const std::function<bool(WithRawPeer&)>& deed) {
  CAPTURE(word);
  WithRawPeer one;
  REQUIRE(one.connect());
  REQUIRE(deed(one));
  const auto parcel = one.link().parcels().try_receive();
  CHECK_FALSE(parcel.ok());
  one.idle(milliseconds(2));
  CHECK(one.link().state() == LinkState::kBroken);
  CHECK(one.link().broken_by() == BrokenBy::kPeer);
  CHECK(std::string_view(one.link().broken_reason()).find(word) != std::string_view::npos);
  CHECK(one.link().parcels().try_receive().error() == ReceiveError::kDown);
  CHECK(one.two.send_parcel(Role::kDriver, Bytes(1)).error() == SendError::kRefused);
  one.link().reset();
  REQUIRE(one.connect());
}

}  // namespace

TEST_CASE("a raw peer that keeps to the protocol brings the link up") {
  WithRawPeer one;
  REQUIRE(one.connect());
  CHECK(one.link().epoch() == Epoch{one.victim_epoch, 77});
}

TEST_CASE("frames that no honest end sends break the link, each with its reason") {
  breaks("no header",
         [](WithRawPeer& one) { return one.peer->send(RingKind::kControl, 0x48570005, {}).ok(); });
  breaks("no header", [](WithRawPeer& one) {
    return one.peer->send(RingKind::kControl, 0x48570005, Bytes(15, std::byte{1})).ok();
  });
  breaks("no header", [](WithRawPeer& one) {
    return one.peer->frame(FrameKind::kBeat, {0, one.victim_epoch, 0, 0}).ok();
  });
  breaks("does not exist", [](WithRawPeer& one) { return one.peer->frame(FrameKind{7}, one.header()).ok(); });
  breaks("cut short",
         [](WithRawPeer& one) { return one.peer->frame(FrameKind::kMarks, one.header(), Bytes(7)).ok(); });
  breaks("cut short",
         [](WithRawPeer& one) { return one.peer->frame(FrameKind::kHello, one.header(), Bytes(31)).ok(); });
  breaks("longer than agreed", [](WithRawPeer& one) {
    return one.peer->frame(FrameKind::kMessage, one.header(), Bytes(1025)).ok();
  });
  breaks("freed more room",
         [](WithRawPeer& one) { return one.peer->frame(FrameKind::kBeat, one.header(16)).ok(); });
  breaks("freed more room",
         [](WithRawPeer& one) { return one.peer->frame(FrameKind::kBeat, one.header(0, 16)).ok(); });
  breaks("freed more room", [](WithRawPeer& one) {
    return one.two.send_parcel(Role::kDriver, Bytes(100)).ok() &&
           one.peer->frame(FrameKind::kBeat, one.header(0, 64)).ok() &&
           one.peer->frame(FrameKind::kBeat, one.header(0, 48)).ok();
  });
  breaks("than it had credit for", [](WithRawPeer& one) {
    for (int i = 0; i < 8; ++i) {
      if (!one.peer->frame(FrameKind::kMessage, one.header(), Bytes(1024)).ok()) return false;
    }
    return true;
  });
}

TEST_CASE("parcels that no honest end sends break the link, each with its reason") {
  breaks("another epoch",
         [](WithRawPeer& one) { return one.peer->send(RingKind::kData, 76, Bytes(10)).ok(); });
  breaks("longer than agreed",
         [](WithRawPeer& one) { return one.peer->send(RingKind::kData, 77, Bytes(8193)).ok(); });
}

TEST_CASE("a HELLO whose numbers make no sense breaks the link before it is up") {
  const auto refuse = [](std::string_view word, HelloBody body) {
    WithRawPeer one;
    one.peer->listen();
    one.idle();
    REQUIRE(one.peer->hello(77, 0, body).ok());
    one.idle();
    CHECK(one.link().state() == LinkState::kBroken);
    CHECK(std::string_view(one.link().broken_reason()).find(word) != std::string_view::npos);
  };
  auto body = RawPeer::usual();
  body.version = 0;
  refuse("version", body);
  for (const std::uint32_t mtu : {0u, 63u, 8192u - 31, 0x80000000u, UINT32_MAX}) {
    body = RawPeer::usual();
    body.channel_mtu = mtu;
    refuse("window", body);
  }
  for (const std::uint32_t window : {0u, 1055u, UINT32_MAX}) {
    body = RawPeer::usual();
    body.channel_window = window;
    refuse("window", body);
  }
  for (const std::uint32_t window : {0u, 8192u, 8208u, 0x1000000u, UINT32_MAX - 15, 32767u}) {
    body = RawPeer::usual();
    body.data_window = window;
    refuse("data ring", body);
  }
  for (const std::uint32_t mtu : {0u, 63u, (32u << 10) - 64, (32u << 10) - 64 - 31, UINT32_MAX}) {
    body = RawPeer::usual();
    body.data_mtu = mtu;
    refuse("data ring", body);
  }
}

TEST_CASE("a later version with a longer HELLO is spoken to") {
  WithRawPeer one;
  one.peer->listen();
  one.idle();
  const auto first = one.peer->take();
  REQUIRE(first.has_value());
  auto body = RawPeer::usual();
  body.version = 2;
  Bytes longer(wire_bytes(body).begin(), wire_bytes(body).end());
  longer.resize(100, std::byte{0xff});
  REQUIRE(one.peer->frame(FrameKind::kHello, {77, first->header().from, 0, 0}, longer).ok());
  one.idle();
  CHECK(one.link().state() == LinkState::kUp);
}

TEST_CASE("frames of another epoch are nothing, whatever they say") {
  WithRawPeer one;
  REQUIRE(one.connect());
  for (const FrameHeader header : {FrameHeader{76, one.victim_epoch, 999, 999}, FrameHeader{77, 1, 999, 999},
                                   FrameHeader{77, 0, 999, 999}}) {
    for (const std::uint32_t kind : {0x48570002u, 0x48570003u, 0x48570004u, 0x48570006u, 0x1234u}) {
      REQUIRE(one.peer->frame(FrameKind{kind}, header, Bytes(3)).ok());
    }
  }
  one.idle(milliseconds(5));
  CHECK(one.link().state() == LinkState::kUp);
  CHECK_FALSE(one.two.receive(Role::kDriver).has_value());
}

TEST_CASE("a peer whose ring is shorter than it said breaks the link") {
  WithRawPeer one;
  one.peer->listen();
  one.idle();
  while (const auto got = one.peer->take()) one.victim_epoch = got->header().from;
  auto body = RawPeer::usual();
  body.data_window = 1u << 20;
  body.data_mtu = 1u << 19;
  REQUIRE(one.peer->hello(77, one.victim_epoch, body).ok());
  one.idle();
  REQUIRE(one.link().state() == LinkState::kUp);
  const auto mtu = one.link().parcels().mtu();
  // 16 KiB fit twice into what the ring really has; Xen then says that there is no room, which is no crime.
  while (one.two.send_parcel(Role::kDriver, Bytes(mtu)).ok()) {
  }
  one.idle(milliseconds(2));
  CHECK(one.link().state() == LinkState::kUp);
  CHECK(one.link().argo_counters().no_room == 1);
}

TEST_CASE("a flood of HELLOs from ever new epochs ends in a state, and costs a bounded time a poll") {
  WithRawPeer one;
  one.peer->listen();
  one.idle();
  for (std::uint32_t epoch = 1; epoch < 400; ++epoch) {
    (void)one.peer->hello(epoch, epoch % 3 == 0 ? one.link().epoch().own : epoch);
    while (one.peer->take()) {
    }
    one.idle(milliseconds(1));
    REQUIRE(one.link().state() != LinkState::kBroken);
  }
  one.idle(milliseconds(500));
  REQUIRE(one.connect());
}

TEST_CASE("a peer that never reads costs it what it sends, and no memory of ours") {
  WithRawPeer one;
  REQUIRE(one.connect());
  int messages = 0;
  int parcels = 0;
  while (one.two.send(Role::kDriver, Bytes(100)).ok()) ++messages;
  while (one.two.send_parcel(Role::kDriver, Bytes(1000)).ok()) ++parcels;
  for (int i = 0; i < 1000; ++i) one.link().bell().ring(Mark(0));
  for (unsigned i = 1; i < Mark::kCount; ++i) one.link().bell().ring(Mark(i));
  CHECK(messages <= 8192 / 128);
  CHECK(parcels <= (32 << 10) / 1000);
  // Sent once there is room, all at once.
  Marks marks = 0;
  for (int i = 0; i < 50; ++i) {
    REQUIRE(one.peer->frame(FrameKind::kBeat, one.header()).ok());
    while (const auto got = one.peer->take()) {
      if (got->type == 0x48570003) marks |= read_wire<le64>(std::span(got->bytes).subspan(16)).value();
    }
    one.idle(milliseconds(1));
  }
  CHECK(marks == ~Marks{0});
  CHECK(one.link().state() == LinkState::kUp);
}

TEST_CASE("who is refused by Xen because we did not look is signaled once we have") {
  WithRawPeer one;
  REQUIRE(one.connect());
  // Fills the control ring with what needs no credit.
  int beats = 0;
  while (one.peer->frame(FrameKind::kBeat, one.header()).ok()) ++beats;
  CHECK(beats == (16 * 1024 - 64 - 16) / 32);
  while (one.peer->port().wait(one.peer->port().now()) == Wake::kRung) {
  }
  (void)one.link().poll();
  CHECK(one.peer->port().wait(one.peer->port().now()) == Wake::kRung);
  CHECK(one.peer->frame(FrameKind::kBeat, one.header()).ok());
}

TEST_CASE("who was refused by Xen because of stale parcels is signaled once they are dropped") {
  WithRawPeer one;
  one.peer->listen();
  one.idle();
  while (const auto got = one.peer->take()) one.victim_epoch = got->header().from;
  while (one.peer->send(RingKind::kData, 76, Bytes(4000)).ok()) {
  }
  REQUIRE(one.peer->hello(77, one.victim_epoch).ok());
  const auto signals = [&] {
    return one.two.house.with([](broker::Xen& xen) { return xen.counters(2).signals; });
  };
  const auto before = signals();
  (void)one.link().poll();
  REQUIRE(one.link().state() == LinkState::kUp);
  CHECK(signals() == before + 2);  // its HELLO, and the room
  CHECK(one.peer->send(RingKind::kData, 77, Bytes(4000)).ok());
  CHECK(one.two.receive_parcel(Role::kDriver) == Bytes(4000));
}

TEST_CASE("what a peer said whose rings are gone before it is answered is worth nothing") {
  WithRawPeer one;
  one.peer->listen();
  one.idle();
  while (const auto got = one.peer->take()) one.victim_epoch = got->header().from;
  REQUIRE(one.peer->hello(77, one.victim_epoch).ok());
  one.peer->leave();
  one.idle(milliseconds(2));
  one.peer->listen();  // it is back, and has not said anything
  one.idle(milliseconds(300));
  CHECK(one.link().state() == LinkState::kDown);
  CHECK(one.two.events[0].empty());
  REQUIRE(one.connect());
}

TEST_CASE("an end that leaves has no ring left, whatever its peer has just said") {
  const auto rings_left = [](WithRawPeer& one) {
    one.link().leave();
    return one.peer->send(RingKind::kControl, 1, {}).ok() || one.peer->send(RingKind::kData, 1, {}).ok();
  };
  SUBCASE("farewell") {
    WithRawPeer one;
    REQUIRE(one.connect());
    REQUIRE(one.peer->frame(FrameKind::kBye, one.header()).ok());
    REQUIRE(one.link().poll() == LinkEvent::kWentDown);
    CHECK_FALSE(rings_left(one));
  }
  SUBCASE("that it begins anew") {
    WithRawPeer one;
    REQUIRE(one.connect());
    REQUIRE(one.peer->hello(78, 0).ok());
    REQUIRE(one.link().poll() == LinkEvent::kWentDown);
    CHECK_FALSE(rings_left(one));
  }
  SUBCASE("nothing, while Xen had no memory for the second ring") {
    WithRawPeer one;
    unsigned registered = 0;
    one.two.port(Role::kDriver).refuse = [&](Command command) -> std::optional<int> {
      if (command == Command::kRegisterRing && ++registered % 2 == 0) return ENOMEM;
      return std::nullopt;
    };
    one.link().leave();
    one.peer->listen();
    one.idle();
    REQUIRE(registered >= 2);
    CHECK_FALSE(rings_left(one));
  }
}

TEST_CASE("a peer that began anew need not say so twice") {
  WithRawPeer one;
  REQUIRE(one.connect());
  while (one.peer->take()) {
  }
  REQUIRE(one.peer->hello(78, 0).ok());
  one.idle(milliseconds(3));
  CHECK(one.two.events[0] == std::vector{LinkEvent::kWentUp, LinkEvent::kWentDown});
  const auto answer = one.peer->take();
  REQUIRE(answer.has_value());
  CHECK(answer->header().to == 78);
  CHECK(answer->header().from != one.victim_epoch);
}

TEST_CASE(
    "whatever a peer sends, the link is in a state that exists, and comes up with an honest peer "
    "afterwards") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  for (int round = 0; round < 30; ++round) {
    WithRawPeer one;
    (void)one.connect();
    for (int step = 0; step < 200; ++step) {
      Bytes body(random.below(random.chance(10) ? 3000 : 64));
      random.fill(body);
      const auto kind =
          static_cast<FrameKind>(random.chance(95) ? 0x48570001 + random.below(6) : random.next());
      const auto near = [&](std::uint32_t right) {
        return random.chance(90) ? right : static_cast<std::uint32_t>(random.next());
      };
      const FrameHeader header{near(77), near(one.link().epoch().own), random.chance(90) ? 0 : near(16),
                               random.chance(90) ? 0 : near(16)};
      if (random.chance(70)) {
        (void)one.peer->frame(kind, header, body);
      } else {
        (void)one.peer->send(RingKind::kData, near(77), body);
      }
      (void)one.link().poll();
      (void)one.two.receive(Role::kDriver);
      (void)one.two.receive_parcel(Role::kDriver);
      (void)one.two.send(Role::kDriver, body);
      (void)one.two.send_parcel(Role::kDriver, body);
      (void)one.link().bell().take();
      while (one.peer->take()) {
      }
      while (one.peer->take(RingKind::kData)) {
      }
      one.two.house.advance(milliseconds(1));
      if (one.link().state() == LinkState::kBroken) {
        REQUIRE(*one.link().broken_reason() != '\0');
        if (random.chance(50)) one.link().reset();
      }
    }
    one.peer.reset();
    one.two.create(Role::kDevice);
    one.two.start(Role::kDevice);
    one.link().reset();
    REQUIRE(one.two.connect());
    CHECK(one.two.works());
  }
}

}  // namespace hawser::argo
