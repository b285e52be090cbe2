// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Coming up, going down, and dying at every step of it.
#include "two_domains.hpp"

#include <doctest/doctest.h>

namespace hawser::argo {

TEST_CASE("two ends come up with few hypercalls, in either order") {
  for (const Role early : {Role::kDriver, Role::kDevice}) {
    TwoDomains two;
    const Role late = TwoDomains::other(early);
    two.stop(late);
    two.idle(milliseconds(20));
    two.restart(late);
    for (auto& port : two.ports) port->calls = {};
    REQUIRE(two.connect());
    CHECK(two.works());
    for (const auto& port : two.ports) {
      CHECK(port->calls_of(Command::kRegisterRing) <= 3);
      CHECK(port->calls_of(Command::kSendv) <= 4);  // HELLO, HELLO, a message, a parcel
    }
  }
}

TEST_CASE("after the link is up no ring is registered or unregistered, however long it stays up") {
  TwoDomains two;
  REQUIRE(two.connect());
  for (auto& port : two.ports) port->calls = {};
  two.idle(seconds(3));
  CHECK(two.works());
  CHECK(two.up());
  for (const auto& port : two.ports) {
    CHECK(port->calls_of(Command::kRegisterRing) + port->calls_of(Command::kUnregisterRing) == 0);
    // Four heartbeats in a silence, each with a notify.
    CHECK(port->calls_of(Command::kSendv) <= 2 + 3000 / 100);
    CHECK(port->calls_of(Command::kNotify) <= 1 + 3000 / 100);
  }
}

TEST_CASE("a farewell takes the link down at once, and it comes up again when the end returns") {
  TwoDomains two;
  REQUIRE(two.connect());
  two.device().leave();
  CHECK(two.driver().poll() == LinkEvent::kWentDown);
  REQUIRE(two.connect());
  CHECK(two.works());
}

TEST_CASE("a peer whose domain is gone is noticed at the next heartbeat, not after the silence") {
  TwoDomains two;
  REQUIRE(two.connect());
  two.destroy(Role::kDevice);
  CHECK(two.until([&] { return two.driver().state() == LinkState::kDown; }, TwoDomains::kSilence));
}

TEST_CASE("a peer that only falls silent is noticed after the silence") {
  TwoDomains two;
  REQUIRE(two.connect());
  two.stop(Role::kDevice);
  two.idle(milliseconds(250));
  CHECK(two.driver().state() == LinkState::kUp);
  CHECK(two.until([&] { return two.driver().state() == LinkState::kDown; }, milliseconds(200)));
}

TEST_CASE("rings that Xen removed with the peer's domain are registered anew for its successor") {
  // How long the successor takes to come, and how long the survivor has noticed nothing by then.
  for (const std::uint64_t gap : {0, 1, 5, 12, 50, 99, 101, 300, 1000}) {
    TwoDomains two;
    REQUIRE(two.connect());
    two.destroy(Role::kDevice);
    if (gap != 0) two.idle(milliseconds(gap));
    two.create(Role::kDevice);
    two.start(Role::kDevice);
    CAPTURE(gap);
    REQUIRE(two.connect());
    CHECK(two.works());
    CHECK(two.events[0] == std::vector{LinkEvent::kWentUp, LinkEvent::kWentDown, LinkEvent::kWentUp});
  }
}

TEST_CASE(
    "the link comes up whichever end dies at whichever hypercall, however it dies, and however soon it "
    "returns") {
  unsigned points = 0;
  for (const Role mortal : {Role::kDriver, Role::kDevice}) {
    for (const bool destroyed : {true, false}) {
      for (const std::uint64_t absence : {0, 30, 700}) {
        bool died = true;
        for (std::uint64_t last = 1; died; ++last) {
          TwoDomains two;
          std::uint64_t made = 0;
          died = false;
          two.port(mortal).before = [&](Command) {
            // From this call on it makes none.
            if (++made == last) two.port(mortal).dead = died = true;
          };
          const auto traffic = [&] {
            (void)two.connect();
            (void)(two.up() && two.works());
          };
          if (last < 40) traffic();
          if (!died) continue;
          ++points;
          CAPTURE(last);
          CAPTURE(absence);
          CAPTURE(destroyed);
          if (destroyed) {
            two.destroy(mortal);
          } else {
            two.stop(mortal);
          }
          if (absence != 0) two.idle(milliseconds(absence));
          if (destroyed) {
            two.create(mortal);
            two.start(mortal);
          } else {
            two.port(mortal).before = nullptr;
            two.restart(mortal);
          }
          REQUIRE(two.connect());
          // The survivor may still believe in the dead one: then both find out, and come up again.
          bool works = false;
          for (int i = 0; i < 5 && !works; ++i) {
            works = two.works();
            if (!works) {
              two.idle(milliseconds(800));  // two silences
              REQUIRE(two.connect());
            }
          }
          REQUIRE(works);
          for (const Role role : {Role::kDriver, Role::kDevice}) {
            CHECK(two.link(role).state() == LinkState::kUp);
          }
        }
      }
    }
  }
  MESSAGE("died at ", points, " points");
  CHECK(points >= 100);
}

TEST_CASE(
    "a peer that is slow to answer gets a HELLO now and then, and a dead one no more than its ring holds") {
  TwoDomains two;
  // Its rings are there, but it never looks.
  two.idle(milliseconds(1));
  two.stop(Role::kDevice);
  two.idle(seconds(60));
  CHECK(two.driver().state() == LinkState::kDown);
  CHECK(two.port(Role::kDriver).calls_of(Command::kSendv) < 300);
  two.restart(Role::kDevice);
  REQUIRE(two.connect());
  CHECK(two.works());
}

TEST_CASE("both ends of a link may be in one domain, and two links between the same domains do not meet") {
  broker::House house(test::allow_all());
  test::ArgoPort port(house, 1, 2u << 20);
  LinkOptions options{.peer = 1, .data_bytes = 64u << 10, .max_parcel = 16u << 10};
  std::vector<std::unique_ptr<TestLink>> ends;
  std::size_t at = 0;
  for (const std::uint32_t number : {0u, 1u}) {
    for (const Role role : {Role::kDriver, Role::kDevice}) {
      options.number = number;
      options.role = role;
      ends.push_back(
          std::make_unique<TestLink>(port, port.memory().subspan(at, link_bytes(options)), options));
      at += link_bytes(options);
    }
  }
  for (int i = 0; i < 100; ++i) {
    for (auto& end : ends) (void)end->poll();
    house.advance(milliseconds(1));
  }
  const Bytes message = bytes_of("to number 1");
  const std::array parts = {std::span<const std::byte>(message)};
  REQUIRE(ends[2]->channel().try_send(parts).ok());
  Bytes to(1024);
  CHECK(ends[1]->channel().try_receive(to).error() == ReceiveError::kEmpty);
  CHECK(ends[3]->channel().try_receive(to).value() == message.size());
}

}  // namespace hawser::argo
