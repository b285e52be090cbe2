// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// DomainPort: what the tests of everything above argo::Port stand on.
#include <hawser/argo/broker/domain_port.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <thread>

using namespace hawser;
using namespace hawser::argo;
using namespace hawser::argo::broker;

namespace {

/// One page of ring for `partner` on `port`, at the start of the domain's memory; arguments in its second page.
std::int32_t open_ring(DomainPort& domain, std::uint32_t port, DomainId partner) {
  const auto memory = domain.memory();
  std::uint32_t* const words = reinterpret_cast<std::uint32_t*>(memory.data() + 4096);
  words[0] = port;
  words[1] = partner;
  words[2] = 4032;
  std::uint64_t* const frames = reinterpret_cast<std::uint64_t*>(memory.data() + 4096 + 64);
  frames[0] = domain.frame(memory.data());
  return result_of(domain.hypercall(Command::kRegisterRing, words, frames, 1, 0));
}

std::int32_t send(DomainPort& domain, DomainId to, std::uint32_t port, std::span<const std::byte> payload) {
  const auto memory = domain.memory();
  std::byte* const at = memory.data() + 8192;
  const std::uint32_t address[4] = {9, kAnyDomain, port, to};
  std::memcpy(at, address, sizeof address);
  std::memcpy(at + 256, payload.data(), payload.size());
  const std::uint64_t vector[2] = {reinterpret_cast<std::uintptr_t>(at + 256), payload.size()};
  std::memcpy(at + 64, vector, sizeof vector);
  return result_of(domain.hypercall(Command::kSendv, at, at + 64, 1, 0));
}

Options permissive() {
  Options options;
  options.rules = {Rule{}};
  return options;
}

constexpr std::array kHello = {std::byte{'h'}, std::byte{'e'}, std::byte{'y'}};

}  // namespace

TEST_CASE("a message and its signal reach another domain in the same process") {
  House house(permissive());
  DomainPort one(house, 1), two(house, 2);
  REQUIRE(open_ring(two, 7, 1) == 0);
  CHECK(!two.take_signal());
  CHECK(send(one, 2, 7, kHello) == 3);
  CHECK(two.take_signal());
  CHECK(!two.take_signal());
  CHECK(two.wait(Instant::never()) == Wake::kRung);
  CHECK(std::memcmp(two.memory().data() + 64 + 16, kHello.data(), 3) == 0);
}

TEST_CASE("a signal that came before wait() ends it, and only one wait()") {
  House house(permissive());
  DomainPort one(house, 1), two(house, 2);
  REQUIRE(open_ring(two, 7, 1) == 0);
  CHECK(send(one, 2, 7, kHello) == 3);
  CHECK(send(one, 2, 7, kHello) == 3);
  CHECK(two.wait(two.now() + seconds(1)) == Wake::kRung);
  const Instant before = two.now();
  CHECK(two.wait(before + seconds(1)) == Wake::kTimeout);
  CHECK(two.now() == before + seconds(1));
}

TEST_CASE("virtual time runs the others while a domain waits") {
  House house(permissive());
  DomainPort one(house, 1), two(house, 2);
  REQUIRE(open_ring(two, 7, 1) == 0);
  int steps = 0;
  two.idle = [&] {
    if (++steps == 5) (void)send(one, 2, 7, kHello);
  };
  CHECK(two.wait(two.now() + seconds(1)) == Wake::kRung);
  CHECK(steps == 5);
}

TEST_CASE("a domain that is destroyed is unknown, and its id is free") {
  House house(permissive());
  DomainPort one(house, 1);
  {
    DomainPort two(house, 2);
    REQUIRE(open_ring(two, 7, 1) == 0);
    REQUIRE(open_ring(one, 7, 2) == 0);
  }
  CHECK(send(one, 2, 7, kHello) == -3);
  house.with([](Xen& xen) { CHECK(xen.rings(1) == 0); });
  DomainPort again(house, 2);
  CHECK(send(one, 2, 7, kHello) == -111);
}

TEST_CASE("real time: a thread sleeps until another one's message, and until it is cancelled") {
  House house(permissive(), House::Time::kReal);
  DomainPort one(house, 1), two(house, 2);
  REQUIRE(open_ring(two, 7, 1) == 0);
  std::thread sender([&] { CHECK(send(one, 2, 7, kHello) == 3); });
  CHECK(two.wait(two.now() + seconds(10)) == Wake::kRung);
  sender.join();
  std::thread canceller([&] { two.cancel(); });
  CHECK(two.wait(two.now() + seconds(10)) == Wake::kCancelled);
  canceller.join();
  CHECK(two.wait(two.now() + milliseconds(5)) == Wake::kTimeout);
}
