// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the hypervisor may answer, and what a link makes of it.
#include "two_domains.hpp"

#include <hawser/transport/random.hpp>
#include "support/seed.hpp"

#include <doctest/doctest.h>

#include <deque>

namespace hawser::argo {

namespace {

struct Refusal {
  std::int32_t number;
  const char* advice;
};

}  // namespace

TEST_CASE("what only an administrator can change breaks the link with a sentence, until reset() asks again") {
  for (const Refusal refusal : {Refusal{1, "xsm=dummy"}, Refusal{13, "register_single_source"},
                                Refusal{95, "argo=1"}, Refusal{38, "CONFIG_ARGO"}, Refusal{19, "policy"},
                                Refusal{28, "128"}, Refusal{22, "RAM"}, Refusal{14, "map"}}) {
    for (const Command command : {Command::kRegisterRing, Command::kNotify, Command::kSendv}) {
      TwoDomains two;
      two.port(Role::kDriver).refuse = [&](Command asked) {
        return asked == command ? std::optional(refusal.number) : std::nullopt;
      };
      CAPTURE(refusal.number);
      CAPTURE(static_cast<int>(command));
      REQUIRE(two.until([&] { return two.driver().state() == LinkState::kBroken; }));
      CHECK(two.driver().broken_by() == BrokenBy::kCarrier);
      CHECK(std::string_view(two.driver().broken_reason()).find(refusal.advice) != std::string_view::npos);
      CHECK(two.events[0] == std::vector{LinkEvent::kBroke});
      const auto asked = two.port(Role::kDriver).calls;
      two.idle(milliseconds(100));
      CHECK(two.port(Role::kDriver).calls == asked);  // it does not go on asking

      two.port(Role::kDriver).refuse = nullptr;
      two.driver().reset();
      REQUIRE(two.connect());
      CHECK(two.works());
    }
  }
}

TEST_CASE("Argo switched off, and a policy that refuses, are said as the broker says them") {
  TwoDomains off({.enabled = false});
  off.idle(milliseconds(5));
  CHECK(std::string_view(off.driver().broken_reason()).find("argo=1") != std::string_view::npos);
  TwoDomains refused(broker::Options{});
  refused.idle(milliseconds(5));
  CHECK(std::string_view(refused.driver().broken_reason()).find("EPERM") != std::string_view::npos);
}

TEST_CASE("a policy that changes while the link is up breaks it at the next send") {
  TwoDomains two;
  REQUIRE(two.connect());
  two.house.with([](broker::Xen& xen) { xen.set_rules({}); });
  CHECK(two.send(Role::kDriver, bytes_of("x")).error() == SendError::kRefused);
  two.idle(milliseconds(1));
  CHECK(two.driver().state() == LinkState::kBroken);
  CHECK(two.driver().broken_by() == BrokenBy::kCarrier);
}

TEST_CASE("a peer whose domain does not exist yet is waited for") {
  TwoDomains two;
  two.destroy(Role::kDevice);
  two.idle(milliseconds(200));
  CHECK(two.driver().state() == LinkState::kDown);
  CHECK(two.events[0].empty());
  CHECK(two.port(Role::kDriver).calls_of(Command::kSendv) == 0);
  two.create(Role::kDevice);
  two.start(Role::kDevice);
  REQUIRE(two.connect());
  CHECK(two.works());
}

TEST_CASE("nothing is sent to a peer that has no rings yet: Xen logs a line for each such try") {
  TwoDomains two;
  two.stop(Role::kDevice);
  two.idle(milliseconds(500));
  CHECK(two.port(Role::kDriver).calls_of(Command::kSendv) == 0);
  two.restart(Role::kDevice);
  REQUIRE(two.connect());
}

TEST_CASE("Xen's want of room, memory and patience delays what is sent, and loses nothing") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  TwoDomains two;
  for (const Role role : {Role::kDriver, Role::kDevice}) {
    two.port(role).refuse = [&](Command command) -> std::optional<std::int32_t> {
      constexpr std::array kPassing = {11, 16, 12};
      if (command == Command::kRegisterRing && random.chance(30)) return 12;
      if (command == Command::kSendv && random.chance(50)) return kPassing[random.below(3)];
      return std::nullopt;
    };
  }
  REQUIRE(two.connect());
  std::deque<Bytes> messages[2];
  std::deque<Bytes> parcels[2];
  Marks rung[2] = {};
  for (int step = 0; step < 4000; ++step) {
    const Role from = random.chance(50) ? Role::kDriver : Role::kDevice;
    const unsigned i = TwoDomains::index(from);
    const Role to = TwoDomains::other(from);
    Bytes bytes(random.below(600));
    random.fill(bytes);
    switch (random.below(6)) {
      case 0:
        if (two.send(from, bytes).ok()) messages[i].push_back(bytes);
        break;
      case 1:
        if (two.send_parcel(from, bytes).ok()) parcels[i].push_back(bytes);
        break;
      case 2:
        if (const auto got = two.receive(to)) {
          REQUIRE(*got == messages[i].front());
          messages[i].pop_front();
        } else {
          REQUIRE(messages[i].empty());
        }
        break;
      case 3:
        if (const auto got = two.receive_parcel(to)) {
          REQUIRE(*got == parcels[i].front());
          parcels[i].pop_front();
        } else {
          REQUIRE(parcels[i].empty());
        }
        break;
      case 4: {
        const Mark mark(static_cast<unsigned>(random.next()));
        two.link(from).bell().ring(mark);
        rung[i] |= mark.bit();
        break;
      }
      default:
        rung[i] &= ~two.link(to).bell().take();
        break;
    }
    if (step % 20 == 0) two.idle(milliseconds(2));
    REQUIRE(two.up());
  }
  two.idle(milliseconds(50));
  for (const Role from : {Role::kDriver, Role::kDevice}) {
    CHECK((rung[TwoDomains::index(from)] & ~two.link(TwoDomains::other(from)).bell().take()) == 0);
  }
  CHECK(two.events[0] == std::vector{LinkEvent::kWentUp});
}

TEST_CASE("lost signals delay, spurious ones do no harm") {
  for (const bool deaf : {true, false}) {
    TwoDomains two;
    for (const Role role : {Role::kDriver, Role::kDevice}) {
      two.port(role).deaf = deaf;
      two.port(role).spurious = !deaf;
    }
    REQUIRE(two.connect());
    // Full, and then nothing but deadlines moves things on.
    int sent = 0;
    while (two.send_parcel(Role::kDriver, Bytes(4000)).ok()) ++sent;
    CHECK(sent > 10);
    two.driver().bell().arm();
    for (int i = 0; i < sent; ++i) REQUIRE(two.receive_parcel(Role::kDevice).has_value());
    (void)two.device().bell().wait(two.device().now() + kPollInterval);
    const Wake wake = two.driver().bell().wait(two.driver().now() + kPollInterval);
    CHECK(wake == (deaf ? Wake::kTimeout : Wake::kRung));
    two.idle(milliseconds(5));
    CHECK(two.send_parcel(Role::kDriver, Bytes(4000)).ok());
    CHECK(two.receive_parcel(Role::kDevice).has_value());
    CHECK(two.works());
  }
}

TEST_CASE("options that do not do are said in a sentence and never reach Xen") {
  TwoDomains two;
  auto& port = two.port(Role::kDriver);
  const auto good = two.options(Role::kDriver);
  const auto check = [&](LinkOptions options, std::span<std::byte> memory, std::string_view word) {
    const auto before = port.calls;
    TestLink link(port, memory, options);
    CHECK(link.poll() == LinkEvent::kBroke);
    CHECK(link.broken_by() == BrokenBy::kCarrier);
    CHECK(std::string_view(link.broken_reason()).find(word) != std::string_view::npos);
    link.reset();
    CHECK(link.poll() == LinkEvent::kBroke);
    CHECK(port.calls == before);
  };
  const auto memory = port.memory();
  auto bad = good;
  bad.control_bytes = 5000;
  check(bad, memory, "whole pages");
  bad = good;
  bad.data_bytes = 0;
  check(bad, memory, "whole pages");
  bad = good;
  bad.data_bytes = (16u << 20) + 4096;
  check(bad, memory, "16 MiB");
  bad = good;
  bad.max_parcel = 10;
  check(bad, memory, "max_parcel");
  bad = good;
  bad.number = UINT32_MAX;
  check(bad, memory, "number");
  bad = good;
  bad.silence = {};
  check(bad, memory, "silence");
  check(good, memory.first(link_bytes(good) - 1), "less memory");
  check(good, memory.subspan(16), "page");
  alignas(4096) static std::array<std::byte, 1u << 18> elsewhere;
  check(good, elsewhere, "in the port's");
  CHECK(port.calls_of(Command::kRegisterRing) == 0);
}

}  // namespace hawser::argo
