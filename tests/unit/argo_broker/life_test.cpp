// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The rows of the conformance table that take more than hypercalls: domains without Argo, that die, or by the dozen.
#include "house_host.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using namespace hawser;
using namespace hawser::conformance::argo;
using argo::broker::DomainPort;
using argo::broker::House;
using argo::broker::Options;
using argo::broker::Rule;
using argo::broker::Xen;

namespace {

Options open_to_all() {
  Options options;
  options.mac_permissive = true;
  options.rules = {Rule{}};
  return options;
}

/// A domain with the examination's tools.
struct Party {
  Party(House& house, std::uint16_t id) : port(house, id, 512 * 1024), host(port, id), desk(host) {}
  std::int32_t to(std::uint16_t domain, std::uint32_t port_number, std::uint32_t length) {
    return desk.send({.to = domain, .port = port_number, .length = length});
  }
  bool signalled() { return port.take_signal(); }

  DomainPort port;
  test::HouseHost host;
  Desk<test::HouseHost> desk;
};

}  // namespace

TEST_CASE("C2: without argo on the command line nothing is supported, and wide arguments are still invalid") {
  Options options = open_to_all();
  options.enabled = false;
  House house(options);
  Party one(house, 1);
  for (const std::uint32_t command : {1u, 2u, 3u, 4u, 5u}) {
    CHECK(one.desk.raw(command) == -kEOPNOTSUPP);
    CHECK(one.desk.raw(command, 0, 0, std::uint64_t{1} << 32, 0) == -kEINVAL);
  }
}

TEST_CASE("R7: a ring for a domain that may not send here is refused, one that may is not") {
  Options options;
  options.rules = {Rule{.from = 2, .to = 1, .first_port = 10, .last_port = 19}};
  House house(options);
  Party one(house, 1), two(house, 2), three(house, 3);
  CHECK(one.desk.open(0, 10, 2) == 0);
  CHECK(one.desk.open(1, 19, 2) == 0);
  CHECK(one.desk.open(2, 9, 2) == -kEPERM);
  CHECK(one.desk.open(2, 20, 2) == -kEPERM);
  CHECK(one.desk.open(2, 10, 3) == -kEPERM);
  CHECK(two.desk.open(2, 10, 1) == -kEPERM);
  CHECK(two.to(1, 10, 5) == 5);
  CHECK(two.to(1, 20, 5) == -kEPERM);
  CHECK(one.to(2, 10, 5) == -kEPERM);
  CHECK(three.to(1, 10, 5) == -kEPERM);
  CHECK(three.desk.open(2, 10, 3) == 0);  // everybody may talk to themselves
  CHECK(three.to(3, 10, 5) == 5);
}

TEST_CASE("R12: the 129th ring is refused, also over an old one") {
  House house(open_to_all());
  Party one(house, 1);
  for (std::uint32_t port = 0; port < 128; ++port) REQUIRE(one.desk.open(0, port, 1, 48) == 0);
  CHECK(one.desk.open(0, 128, 1, 48) == -kENOSPC);
  CHECK(one.desk.open(0, 5, 1, 48) == -kENOSPC);
  CHECK(one.desk.close(5, 1) == 0);
  CHECK(one.desk.open(0, 128, 1, 48) == 0);
}

TEST_CASE("R13: 127 registrations of one ring leave room for none but after unregistering") {
  House house(open_to_all());
  Party one(house, 1);
  for (int i = 0; i < 128; ++i) REQUIRE(one.desk.open(0, 7, 1, 48) == 0);
  CHECK(one.desk.open(0, 7, 1, 48) == -kENOSPC);
  CHECK(one.desk.open(0, 8, 1, 48) == -kENOSPC);
  CHECK(one.desk.close(7, 1) == 0);
  CHECK(one.desk.open(0, 8, 1, 48) == 0);
  CHECK(one.desk.open(0, 9, 1, 48) == -kENOSPC);
  CHECK(one.desk.close(7, 1) == -kENOENT);
}

TEST_CASE("R13: without the quirk a ring is registered again as often as one likes, and survives a failure") {
  Options options = open_to_all();
  options.quirks.ring_count_leak = false;
  House house(options);
  Party one(house, 1);
  for (int i = 0; i < 1000; ++i) REQUIRE(one.desk.open(0, 7, 1, 48) == 0);
  one.desk.put<std::uint64_t>(one.desk.frames(), ~0ull);
  CHECK(one.desk.enroll_as_laid_out({.port = 7, .partner = 1, .length = 48}, 1) == -kEINVAL);
  CHECK(one.to(1, 7, 0) == 0);
}

TEST_CASE("R14: a partner without Argo is refused, and so is everything from a domain without it") {
  House house(open_to_all());
  Party one(house, 1), two(house, 2);
  CHECK(two.desk.open(0, 5, 1) == 0);
  house.with([](Xen& xen) { xen.kill(2); });
  CHECK(one.desk.open(0, 5, 2) == -kECONNREFUSED);
  CHECK(two.desk.open(0, 5, 1) == -19);
  CHECK(two.desk.close(5, 1) == -19);
  CHECK(two.to(1, 5, 1) == -19);
  CHECK(two.desk.notify() == -19);
  // What is checked before the domain's own state still comes first.
  CHECK(two.desk.open(0, 5, 77) == -kESRCH);
  CHECK(two.to(77, 5, 1) == -kESRCH);
  CHECK(two.desk.close(5, 1, 1) == -kEINVAL);
}

TEST_CASE("U2: unregistering drops another domain's waiting in silence") {
  House house(open_to_all());
  Party one(house, 1), two(house, 2);
  REQUIRE(one.desk.open(0, 5, 2, 64) == 0);
  CHECK(two.to(1, 5, 32) == 32);
  CHECK(two.to(1, 5, 32) == -kEAGAIN);
  CHECK(one.desk.close(5, 2) == 0);
  REQUIRE(one.desk.open(0, 5, 2, 64) == 0);
  CHECK(one.desk.notify() == 0);
  CHECK(!two.signalled());
}

TEST_CASE("S14: thirty-two domains may wait in one ring, the next is told that it is busy") {
  House house(open_to_all());
  Party owner(house, 100);
  REQUIRE(owner.desk.open(0, 5, kAny, 64) == 0);
  REQUIRE(owner.to(100, 5, 32) == 32);
  std::vector<std::unique_ptr<Party>> parties;
  for (std::uint16_t id = 0; id < 36; ++id) parties.push_back(std::make_unique<Party>(house, id));
  for (std::uint16_t id = 0; id < 36; ++id) {
    CHECK(parties[id]->to(100, 5, 16) == (id < 32 ? -kEAGAIN : -16));
    CHECK(parties[id]->to(100, 5, 16) == (id < 32 ? -kEAGAIN : -16));  // who waits does so once
  }
  CHECK(parties[35]->desk.ask(100, 5, 16).flags == (kExists | kShared | 0x20));
  CHECK(parties[3]->desk.ask(100, 5, 16).flags == (kExists | kShared));
  (void)owner.signalled();
  owner.desk.set_rx(0, owner.desk.tx(0));
  CHECK(owner.desk.notify() == 0);
  for (std::uint16_t id = 0; id < 36; ++id) CHECK(parties[id]->signalled() == (id < 32));  // all of them
  CHECK(parties[35]->to(100, 5, 16) == 16);
}

TEST_CASE("N6: a domain that waits in several rings is woken by each, of each owner") {
  House house(open_to_all());
  Party one(house, 1), two(house, 2), three(house, 3);
  for (Party* owner : {&one, &two}) {
    REQUIRE(owner->desk.open(0, 5, 3, 64) == 0);
    REQUIRE(three.to(owner->port.id(), 5, 32) == 32);
    REQUIRE(three.to(owner->port.id(), 5, 32) == -kEAGAIN);
    owner->desk.set_rx(0, 48);
  }
  CHECK(one.desk.notify() == 0);
  CHECK(three.signalled());
  CHECK(one.desk.notify() == 0);
  CHECK(!three.signalled());
  CHECK(two.desk.notify() == 0);
  CHECK(three.signalled());
}

TEST_CASE("N8: a question that policy refuses ends the call, and those before it are answered") {
  Options options;
  options.rules = {Rule{.from = 1, .to = 2, .first_port = 5, .last_port = 5}};
  House house(options);
  Party one(house, 1), two(house, 2);
  REQUIRE(two.desk.open(0, 5, 1) == 0);
  one.desk.question(0, 2, 5, 10);
  one.desk.question(1, 77, 5, 10);
  one.desk.question(2, 2, 6, 10);
  one.desk.question(3, 2, 5, 10);
  CHECK(one.desk.ask_all(4) == -kEPERM);
  CHECK(one.desk.answer(0).flags == (kExists | kEmpty | kSufficient));
  CHECK(one.desk.answer(1).flags == 0);
  CHECK(one.desk.answer(2).flags == 0xffff);
  CHECK(one.desk.answer(3).flags == 0xffff);
}

TEST_CASE("V2: a signal that nobody is bound to is lost, the message is not") {
  House house(open_to_all());
  Party one(house, 1), two(house, 2);
  REQUIRE(two.desk.open(0, 5, 1) == 0);
  house.with([](Xen& xen) { xen.bind(2, nullptr); });
  CHECK(one.to(2, 5, 8) == 8);
  CHECK(!two.signalled());
  CHECK(two.desk.tx(0) == 32);
}

TEST_CASE("D1: the death of a sender takes the receiver's ring away in silence, and leaves one for all") {
  House house(open_to_all());
  Party one(house, 1);
  auto two = std::make_unique<Party>(house, 2);
  REQUIRE(one.desk.open(0, 5, 2, 64) == 0);
  REQUIRE(one.desk.open(1, 6, kAny, 64) == 0);
  REQUIRE(two->to(1, 6, 32) == 32);
  REQUIRE(two->to(1, 6, 32) == -kEAGAIN);
  (void)one.signalled();
  two.reset();
  CHECK(!one.signalled());
  CHECK(one.desk.close(5, 2) == -kENOENT);
  CHECK(one.desk.open(0, 5, 2, 64) == -kESRCH);
  CHECK(one.desk.tx(1) == 48);
  one.desk.set_rx(1, 48);
  Party again(house, 2);
  CHECK(one.desk.notify() == 0);
  CHECK(!again.signalled());  // what the dead one waited for is forgotten
  CHECK(again.to(1, 6, 32) == 32);
  CHECK(one.desk.open(0, 5, 2, 64) == 0);
}

TEST_CASE("D1: rings that a sender's death took away count no more") {
  House house(open_to_all());
  Party one(house, 1);
  for (int round = 0; round < 3; ++round) {
    Party two(house, 2);
    for (std::uint32_t port = 0; port < 128; ++port) REQUIRE(one.desk.open(0, port, 2, 48) == 0);
    CHECK(one.desk.open(0, 128, 2, 48) == -kENOSPC);
  }
}

TEST_CASE("D2: to a domain that dies connections are refused, then it is unknown") {
  House house(open_to_all());
  Party one(house, 1), two(house, 2);
  REQUIRE(two.desk.open(0, 5, 1, 64) == 0);
  REQUIRE(one.to(2, 5, 32) == 32);
  REQUIRE(one.to(2, 5, 32) == -kEAGAIN);
  (void)one.signalled();
  house.with([](Xen& xen) { xen.kill(2); });
  CHECK(!one.signalled());
  CHECK(one.to(2, 5, 32) == -kECONNREFUSED);
  CHECK(one.desk.ask(2, 5, 1).flags == 0);
  house.with([](Xen& xen) { xen.remove(2); });
  CHECK(one.to(2, 5, 32) == -kESRCH);
  CHECK(one.desk.ask(2, 5, 1).result == 0);
}

TEST_CASE("D4: a soft reset takes rings, partners' rings and waiting away, and Argo goes on") {
  House house(open_to_all());
  Party one(house, 1), two(house, 2);
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t port = 0; port < 128; ++port) REQUIRE(two.desk.open(0, port, 1, 64) == 0);
    REQUIRE(one.desk.open(0, 5, 2, 64) == 0);
    REQUIRE(one.desk.open(1, 6, kAny, 64) == 0);
    REQUIRE(two.to(1, 6, 32) == 32);
    REQUIRE(two.to(1, 6, 32) == -kEAGAIN);
    house.with([](Xen& xen) { xen.soft_reset(2); });
    CHECK(one.to(2, 5, 1) == -kECONNREFUSED);
    CHECK(two.to(1, 5, 1) == -kECONNREFUSED);
    CHECK(one.desk.close(5, 2) == -kENOENT);
    (void)two.signalled();
    one.desk.set_rx(1, 48);
    CHECK(one.desk.notify() == 0);
    CHECK(!two.signalled());
    CHECK(one.desk.close(6, kAny) == 0);
  }
}

TEST_CASE("X1: a window's page 0 and what lies around it is no memory, whatever the addresses wrap to") {
  House house(open_to_all());
  Party one(house, 1);
  REQUIRE(one.desk.open(0, 5, 1) == 0);
  const auto begin = reinterpret_cast<std::uintptr_t>(one.port.memory().data());
  const auto end = begin + one.port.memory().size();
  const auto with = [&](std::uint64_t address, std::uint32_t length) {
    one.desk.vector(0, address, length);
    return static_cast<std::int32_t>(one.desk.send_vectors({.to = 1, .port = 5}, 1));
  };
  one.desk.set_rx(0, one.desk.tx(0));
  CHECK(with(begin, 1) == 1);
  CHECK(with(end - 1, 1) == 1);
  for (const std::uint64_t bad :
       {begin - 1, begin - 4096, begin - 4097, end, end - 7, std::uint64_t{0}, std::uint64_t{1},
        ~std::uint64_t{0}, ~std::uint64_t{6}, begin + (std::uint64_t{1} << 63)}) {
    CAPTURE(bad);
    CHECK(with(bad, 8) == -kEFAULT);
  }
  CHECK(one.desk.tx(0) == 64);
}

TEST_CASE("ids: a domain is made once, and not with a reserved id") {
  Xen xen({});
  std::vector<std::byte> bytes;
  CHECK(xen.create(1, {}));
  CHECK(!xen.create(1, {}));
  CHECK(!xen.create(argo::broker::kFirstReserved, {}));
  CHECK(!xen.create(argo::broker::kAnyDomain, {}));
  CHECK(xen.create(argo::broker::kFirstReserved - 1, {}));
  xen.remove(1);
  CHECK(xen.create(1, {}));
  xen.remove(9);
  xen.kill(9);
  xen.soft_reset(9);
  xen.bind(9, nullptr);
  CHECK(xen.hypercall(9, {.command = 4}, {}) == -kESRCH);
  CHECK(xen.hypercall(1, {.command = 4}, {}) == 0);
  CHECK(xen.hypercall(1, {.command = 1, .arg1 = 4096, .arg3 = 1}, {}) == -kEFAULT);
}
