// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "native/thread_counter.hpp"
#include "native/pair.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using hawser::bench::ThreadCounter;

namespace {

std::uint64_t busy(unsigned long turns) {
  static std::atomic<std::uint64_t> sink{0};
  for (unsigned long n = 0; n < turns; ++n) sink.fetch_add(n, std::memory_order_relaxed);
  return sink.load();
}

}  // namespace

TEST_CASE("a counter grows with its own thread's work alone") {
  const ThreadCounter clock(ThreadCounter::Event::kTaskClock);
  if (clock.refusal() != 0) {
    MESSAGE("SKIPPED: this kernel lets nobody count (perf_event_open: errno ", clock.refusal(), ")");
    return;
  }
  const auto first = clock.count();
  REQUIRE(first);
  (void)busy(2'000'000);
  const auto second = clock.count();
  REQUIRE(second);
  CHECK(*second > *first + 1'000'000);  // half a nanosecond a turn at least
  std::thread([] { (void)busy(20'000'000); }).join();
  const auto third = clock.count();
  REQUIRE(third);
  CHECK(*third - *second < *second - *first);  // ten times the work, on another thread
}

TEST_CASE("instructions are of both threads of a pair, or of none") {
  const ThreadCounter here;
  const auto run = hawser::bench::timed_pair(
      {0, 0}, 1, nullptr, [](auto&, const auto&) { (void)busy(100'000); },
      [](auto&, const auto&) { (void)busy(300'000); });
  if (here.refusal() != 0) {
    CHECK_FALSE(here.count());
    CHECK(run.counts.count("instructions") == 0);
    MESSAGE("SKIPPED: this machine counts no instructions (perf_event_open: errno ", here.refusal(), ")");
    return;
  }
  REQUIRE(run.counts.count("instructions") == 1);
  CHECK(run.counts.at("instructions") > 400'000 * 2);
}
