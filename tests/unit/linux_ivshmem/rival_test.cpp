// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kernel_end.hpp"

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::test;

namespace {

void run(FakeWindow& window, KernelEnd* one, KernelEnd* two, unsigned milliseconds) {
  for (unsigned n = 0; n < milliseconds; n += HAWSER_POLL_MS) {
    window.now_ns += HAWSER_POLL_MS * 1'000'000ull;
    if (one != nullptr) one->poll();
    if (two != nullptr) two->poll();
  }
}

}  // namespace

TEST_CASE(
    "kernel end: a second one stands by, says so once, and takes the place of the first when that is gone") {
  FakeWindow window(1 << 20);
  KernelEnd first(window, 7);
  run(window, &first, nullptr, 200);
  KernelEnd second(window, 8);
  run(window, &first, &second, 5000);
  CHECK(first.region().state == HAWSER_REGION_DOWN);
  CHECK(second.region().state == HAWSER_REGION_RIVAL);
  CHECK(second.events == "r");
  const auto epoch = first.epoch().own;
  SUBCASE("dead") {
    run(window, nullptr, &second, 400);
    CHECK(second.region().state == HAWSER_REGION_RIVAL);
    run(window, nullptr, &second, 200);
  }
  SUBCASE("having left") {
    first.leave();
    run(window, nullptr, &second, 41);
  }
  CHECK(second.region().state == HAWSER_REGION_DOWN);
  CHECK(second.epoch().own > epoch);
}

TEST_CASE("kernel end: a time in which nobody ran makes nobody dead") {
  FakeWindow window(1 << 20);
  KernelEnd first(window, 7);
  run(window, &first, nullptr, 200);
  KernelEnd second(window, 8);
  run(window, &first, &second, 100);
  run(window, nullptr, &second, 80);
  window.now_ns += 3'000'000'000;  // a host that is put to sleep just before a beat, and wakes this one first
  run(window, nullptr, &second, 80);
  run(window, &first, &second, 2000);
  CHECK(first.events.empty());
  CHECK(second.region().state == HAWSER_REGION_RIVAL);
}

TEST_CASE("kernel end: the core's driver end and the module's respect one another") {
  KernelPair pair;
  pair.both_start();
  FakePort port(pair.window, 20);
  ivshmem::Link<FakePort> core(port, {.role = ivshmem::Role::kDriver});
  for (int n = 0; n < 2000 && core.state() != LinkState::kBroken; ++n) {
    pair.run(1);
    core.poll();
  }
  CHECK(core.broken_by() == BrokenBy::kRival);
  CHECK(pair.both_up());

  pair.driver.reset();
  core.reset();
  for (int n = 0; n < 4000; ++n) {
    pair.run(1);
    core.poll();
  }
  CHECK(core.state() == LinkState::kUp);
  pair.start_driver(9);
  for (int n = 0; n < 2000; ++n) {
    pair.run(1);
    core.poll();
  }
  CHECK(pair.driver->events == "r");
  CHECK(core.state() == LinkState::kUp);
}

TEST_CASE("kernel end: one whose block is overwritten lets go, and is back when nobody is behind it") {
  KernelPair pair;
  pair.both_start();
  auto* block = pair.window.bytes().data() + 4096 + 8192 + 0x40;
  const Epoch before = pair.driver->epoch();
  const std::uint64_t scribble = std::uint64_t{before.own + 5} << 32;
  std::memcpy(block + 0x10, &scribble, sizeof scribble);
  pair.run(2);
  CHECK(pair.driver->events == "ut");
  pair.run(1000);
  CHECK(pair.both_up());
  CHECK(pair.driver->events == "utu");
  CHECK(pair.driver->epoch().own == before.own + 6);
}

TEST_CASE("kernel end: what is scribbled over directory and block is repaired while the link is not up") {
  FakeWindow window(1 << 20);
  KernelEnd driver(window, 7);
  run(window, &driver, nullptr, 100);
  const auto good = window.words;
  std::memset(window.bytes().data(), 0x5a, 48);
  auto* block = window.bytes().data() + 4096 + 8192 + 0x40;
  std::memset(block, 0x5a, 8);       // magic, version, role
  std::memset(block + 12, 0x5a, 4);  // vectors, queue kind
  run(window, &driver, nullptr, 40);
  // But for the heartbeat, and a word that nobody reads.
  for (std::size_t at : {std::size_t{0x18}, std::size_t{4096 + 8192 + 0x40 + 0x18}})
    window.words[at / 8] = good[at / 8];
  CHECK(window.words == good);
}
