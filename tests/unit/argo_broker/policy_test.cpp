// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the broker decides beyond Xen: rules by port that change at run time, budgets, a cap on messages.
#include "house_host.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::conformance::argo;
using argo::broker::DomainPort;
using argo::broker::House;
using argo::broker::Options;
using argo::broker::Rule;
using argo::broker::Xen;

namespace {

struct Party {
  Party(House& house, std::uint16_t id) : port(house, id, 512 * 1024), host(port, id), desk(host) {}
  std::int32_t to(std::uint16_t domain, std::uint32_t port_number, std::uint32_t length) {
    return desk.send({.to = domain, .port = port_number, .length = length});
  }
  DomainPort port;
  test::HouseHost host;
  Desk<test::HouseHost> desk;
};

Options with(std::vector<Rule> rules) {
  Options options;
  options.rules = std::move(rules);
  return options;
}

}  // namespace

TEST_CASE("nobody may send to another without a rule") {
  House house;
  Party one(house, 1), two(house, 2);
  CHECK(two.desk.open(0, 5, 1) == -kEPERM);
  CHECK(one.to(2, 5, 1) == -kEPERM);
  CHECK(one.desk.ask(2, 5, 1).result == -kEPERM);
  CHECK(one.desk.open(0, 5, 1) == 0);
  CHECK(one.to(1, 5, 1) == 1);
}

TEST_CASE("rules change at run time: what was registered stays, what is sent is judged anew") {
  House house(with({Rule{.from = 1, .to = 2}}));
  Party one(house, 1), two(house, 2);
  REQUIRE(two.desk.open(0, 5, 1) == 0);
  CHECK(one.to(2, 5, 1) == 1);
  house.with([](Xen& xen) { xen.set_rules({Rule{.from = 1, .to = 2, .first_port = 6}}); });
  CHECK(one.to(2, 5, 1) == -kEPERM);
  CHECK(two.desk.open(0, 5, 1) == -kEPERM);
  house.with([](Xen& xen) { xen.set_rules({Rule{.from = 1, .to = 2}}); });
  CHECK(one.to(2, 5, 1) == 1);
  CHECK(two.desk.tx(0) == 64);
}

TEST_CASE("a ring for all takes messages only from those whom a rule lets send") {
  Options options = with({Rule{.from = 1, .to = 2}});
  options.mac_permissive = true;
  House house(options);
  Party one(house, 1), two(house, 2), three(house, 3);
  REQUIRE(two.desk.open(0, 5, kAny) == 0);
  CHECK(one.to(2, 5, 1) == 1);
  CHECK(three.to(2, 5, 1) == -kEPERM);
}

TEST_CASE("each refusal is told once, with what would allow it, and not without end") {
  std::vector<std::string> told;
  Options options;
  options.log = [&](std::string_view line) { told.emplace_back(line); };
  House house(options);
  Party one(house, 1), two(house, 2);
  for (int i = 0; i < 5; ++i) CHECK(one.to(2, 5, 1) == -kEPERM);
  REQUIRE(told.size() == 1);
  CHECK(told[0] ==
        "refused: a message of domain 1 to domain 2 on port 0x5: no rule allows it (--allow 1:2:0x5 would)");
  CHECK(two.desk.open(0, 5, 1) == -kEPERM);
  REQUIRE(told.size() == 2);
  CHECK(told[1] ==
        "refused: a ring of domain 2 for domain 1 on port 0x5: no rule allows it (--allow 1:2:0x5 would)");
  CHECK(one.desk.ask(2, 5, 1).result == -kEPERM);
  REQUIRE(told.size() == 3);
  for (std::uint32_t port = 0; port < 1000; ++port) CHECK(one.to(2, 100 + port, 1) == -kEPERM);
  CHECK(told.size() < 20);
  CHECK(told.back() == "further refusals of what domain 1 would send to domain 2 are not told");
  const std::size_t before = told.size();
  CHECK(two.to(1, 5, 1) == -kEPERM);  // the other way is another matter
  CHECK(told.size() == before + 1);
  house.with([](Xen& xen) {
    CHECK(xen.counters(1).refused == 1006);
    xen.set_rules({});
  });
  CHECK(one.to(2, 5, 1) == -kEPERM);
  CHECK(told.size() == before + 2);  // new rules, new refusals
}

TEST_CASE("messages longer than the cap are too long, and notify says how long they may be") {
  Options options = with({Rule{}});
  options.max_message = 100;
  House house(options);
  Party one(house, 1), two(house, 2);
  REQUIRE(two.desk.open(0, 5, 1) == 0);
  CHECK(one.to(2, 5, 100) == 100);
  CHECK(one.to(2, 5, 101) == -kEMSGSIZE);
  two.desk.set_rx(0, two.desk.tx(0));
  CHECK(one.desk.ask(2, 5, 100).max == 100);
  CHECK(one.desk.ask(2, 5, 100).flags == (kExists | kEmpty | kSufficient));
  CHECK(one.desk.ask(2, 5, 101).flags == (kExists | kEmpty | kTooLong));
}

TEST_CASE("a sender over its budget of messages is held back and woken, and holds its rate by itself") {
  House house(with({Rule{.from = 1, .to = 2, .budget = {.messages_per_second = 1000}}}));
  Party one(house, 1), two(house, 2);
  two.desk.set_rx(0, 0);
  REQUIRE(two.desk.open(0, 5, 1) == 0);
  const Instant start = one.port.now();
  int sent = 0;
  int held = 0;
  while (one.port.now() < start + seconds(2)) {
    (void)one.port.take_signal();
    const std::int32_t result = one.to(2, 5, 8);
    two.desk.set_rx(0, two.desk.tx(0));
    if (result == 8) {
      ++sent;
      continue;
    }
    REQUIRE(result == -kEAGAIN);
    ++held;
    REQUIRE(one.port.wait(one.port.now() + seconds(1)) == Wake::kRung);
  }
  CHECK(sent >= 2000);
  CHECK(sent <= 2102);
  CHECK(held > 100);
  house.with([&](Xen& xen) { CHECK(xen.counters(1).held == static_cast<unsigned>(held)); });
}

TEST_CASE(
    "a budget of bytes counts headers and padding, and lets a message through that is larger than its "
    "burst") {
  House house(with({Rule{.from = 1, .to = 2, .budget = {.bytes_per_second = 10'000}}}));
  Party one(house, 1), two(house, 2);
  REQUIRE(two.desk.open(0, 5, 1) == 0);
  CHECK(one.to(2, 5, 3980) == 3980);  // 4000 bytes: 0.4 s
  two.desk.set_rx(0, two.desk.tx(0));
  CHECK(one.to(2, 5, 1) == -kEAGAIN);
  house.with([&](Xen& xen) { CHECK(xen.next_due() == one.port.now() + milliseconds(300)); });
  CHECK(one.port.wait(one.port.now() + milliseconds(299)) == Wake::kTimeout);
  CHECK(one.to(2, 5, 1) == -kEAGAIN);
  CHECK(one.port.wait(one.port.now() + milliseconds(2)) == Wake::kRung);
  CHECK(one.to(2, 5, 1) == 1);
  house.with([&](Xen& xen) { CHECK(xen.next_due() == Instant::never()); });
}

TEST_CASE("a message that is not mapped to its end costs no budget, and none of it is copied") {
  House house(with({Rule{.from = 1, .to = 2, .budget = {.messages_per_second = 1}}}));
  Party one(house, 1), two(house, 2);
  REQUIRE(two.desk.open(0, 5, 1) == 0);
  const std::span ring(two.desk.ring(0), 8192);
  const std::vector<std::byte> before(ring.begin(), ring.end());
  std::fill_n(one.desk.payload(), 64, std::byte{0x77});
  one.desk.vector(0, one.desk.payload(), 64);
  one.desk.vector(1, std::uint64_t{0}, 8);
  for (int i = 0; i < 5; ++i) {
    CHECK(static_cast<std::int32_t>(one.desk.send_vectors({.to = 2, .port = 5}, 2)) == -kEFAULT);
  }
  CHECK(std::equal(before.begin(), before.end(), ring.begin()));
  CHECK(one.to(2, 5, 64) == 64);
  CHECK_FALSE(std::equal(before.begin(), before.end(), ring.begin()));
}

TEST_CASE("notify says sufficient only within the budget, and wakes when it is") {
  House house(with({Rule{.from = 1, .to = 2, .budget = {.bytes_per_second = 10'000}}}));
  Party one(house, 1), two(house, 2);
  REQUIRE(two.desk.open(0, 5, 1) == 0);
  CHECK(one.to(2, 5, 2000) == 2000);
  two.desk.set_rx(0, two.desk.tx(0));
  CHECK(one.desk.ask(2, 5, 100).flags == (kExists | kEmpty));
  CHECK(one.port.wait(one.port.now() + seconds(1)) == Wake::kRung);
  CHECK(one.desk.ask(2, 5, 100).flags == (kExists | kEmpty | kSufficient));
}

TEST_CASE("budgets are apart by sender and receiver, and a full ring costs none") {
  House house(with({Rule{.budget = {.messages_per_second = 10}}}));
  Party one(house, 1), two(house, 2), three(house, 3);
  REQUIRE(three.desk.open(0, 5, 1, 128) == 0);
  REQUIRE(three.desk.open(1, 5, 2, 128) == 0);
  REQUIRE(one.desk.open(1, 5, 2, 128) == 0);
  CHECK(one.to(3, 5, 90) == 90);
  CHECK(one.to(3, 5, 90) == -kEAGAIN);  // no room: not the budget's doing
  house.with([&](Xen& xen) { CHECK(xen.counters(1).held == 0); });
  three.desk.set_rx(0, three.desk.tx(0));
  CHECK(one.to(3, 5, 90) == 90);
  three.desk.set_rx(0, three.desk.tx(0));
  CHECK(one.to(3, 5, 90) == -kEAGAIN);
  house.with([&](Xen& xen) { CHECK(xen.counters(1).held == 1); });
  CHECK(two.to(3, 5, 90) == 90);
  CHECK(two.to(1, 5, 90) == 90);
}

TEST_CASE("new rules wake who was held back by the old ones, and a dead sender is not woken") {
  House house(with({Rule{.from = 1, .to = 2, .budget = {.messages_per_second = 1}}}));
  Party two(house, 2);
  {
    Party one(house, 1);
    REQUIRE(two.desk.open(0, 5, 1) == 0);
    CHECK(one.to(2, 5, 1) == 1);
    CHECK(one.to(2, 5, 1) == -kEAGAIN);
    (void)one.port.take_signal();
    house.with(
        [](Xen& xen) { xen.set_rules({Rule{.from = 1, .to = 2, .budget = {.messages_per_second = 1}}}); });
    CHECK(one.port.take_signal());
    CHECK(one.to(2, 5, 1) == 1);
    CHECK(one.to(2, 5, 1) == -kEAGAIN);
  }
  house.with([](Xen& xen) { CHECK(xen.next_due() == Instant::never()); });
  Party again(house, 1);
  house.advance(seconds(10));
  CHECK(!again.port.take_signal());
}
