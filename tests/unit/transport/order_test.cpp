// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two litmus tests of the orderings, on this machine's processor. A pass proves little on a strongly ordered
// one; a failure proves much. The virtqueue tests replay program order, the models cover the rest.
#include <hawser/transport/order.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <thread>

using namespace hawser;

namespace {

constexpr std::uint32_t kRounds = 50'000;

struct alignas(64) Word {
  std::uint32_t value = 0;
};

/// Runs a(round) and b(round) at about the same time, then check(), kRounds times.
template <class A, class B, class Check>
void race(A a, B b, Check check) {
  std::atomic<std::uint32_t> start{0};
  std::atomic<std::uint32_t> done{0};
  std::thread other([&] {
    for (std::uint32_t round = 1; round <= kRounds; ++round) {
      for (unsigned spins = 0; start.load() != round; ++spins) {
        if (spins > 1000) std::this_thread::yield();
      }
      b(round);
      done.store(round);
    }
  });
  for (std::uint32_t round = 1; round <= kRounds; ++round) {
    start.store(round);
    a(round);
    for (unsigned spins = 0; done.load() != round; ++spins) {
      if (spins > 1000) std::this_thread::yield();
    }
    check(round);
  }
  other.join();
}

}  // namespace

TEST_CASE("who observes a flag sees what was stored before it was published") {
  Word data;
  Word flag;
  std::uint32_t seen = 0;
  std::uint32_t wrong = 0;
  race(
      [&](std::uint32_t round) {
        store_once(&data.value, round);
        publish(&flag.value, round);
      },
      [&](std::uint32_t round) {
        if (observe(&flag.value) == round) {
          ++seen;
          if (load_once(&data.value) != round) ++wrong;
        }
      },
      [](std::uint32_t) {});
  CHECK(wrong == 0);
  MESSAGE("the flag was seen in time in ", seen, " of ", kRounds, " rounds");
}

TEST_CASE("of two sides that publish, fence and look, at least one sees the other") {
  Word mine;
  Word theirs;
  std::uint32_t a_saw = 0;
  std::uint32_t b_saw = 0;
  std::uint32_t both_blind = 0;
  race(
      [&](std::uint32_t round) {
        publish(&mine.value, round);
        full_fence_before_recheck();
        a_saw = load_once(&theirs.value);
      },
      [&](std::uint32_t round) {
        publish(&theirs.value, round);
        full_fence_before_recheck();
        b_saw = load_once(&mine.value);
      },
      [&](std::uint32_t round) {
        if (a_saw != round && b_saw != round) ++both_blind;
      });
  CHECK(both_blind == 0);
}
