// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "pair.hpp"

#include "thread_counter.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

namespace hawser::bench {
namespace {

constexpr unsigned kWarmUnits = 64;  ///< As in the rigs of `link` and `device`; whole batches.

}  // namespace

void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(core), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

long preemptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

Run timed_pair(Cores cores, unsigned units, Histogram* single, const Part& measure, const Part& answer,
               bool sleeping) {
  const bool shared = cores.measuring == cores.answering;
  const Pass warm{.units = std::min(units, kWarmUnits)};
  const Pass timed{.from = warm.units, .units = units, .single = single};
  std::atomic<int> ready{0};
  const auto meet = [&ready, shared](int all) {
    ready.fetch_add(1);
    while (ready.load() < all) {
      if (shared)
        sched_yield();
      else
        spin_hint();
    }
  };
  std::atomic<bool> over{false};
  bool answering_disturbed = false;
  std::optional<std::uint64_t> answered_in, measured_in;
  const auto counted = [](const ThreadCounter& counter, const std::optional<std::uint64_t>& before) {
    const auto now = counter.count();
    return now && before ? std::optional(*now - *before) : std::nullopt;
  };
  std::thread answering([&] {
    pin(cores.answering);
    const ThreadCounter counter;
    Patience patience(over);
    meet(2);
    answer(patience, warm);
    patience.reset();
    meet(4);
    if (over.load()) return;
    const long before = preemptions();
    const auto count = counter.count();
    answer(patience, timed);
    answered_in = counted(counter, count);
    answering_disturbed = preemptions() != before;
  });
  Run run;
  std::thread measuring([&] {
    pin(cores.measuring);
    const ThreadCounter counter;
    Patience patience(over);
    meet(2);
    measure(patience, warm);
    patience.reset();
    meet(4);
    // The warm-up was given up half-way: the words that count are not where the next pass begins.
    if (over.load()) return;
    const long before = preemptions();
    const auto count = counter.count();
    const auto start = std::chrono::steady_clock::now();
    measure(patience, timed);
    const auto stop = std::chrono::steady_clock::now();
    measured_in = counted(counter, count);
    run.disturbed = preemptions() != before;
    run.ns = std::chrono::duration<double, std::nano>(stop - start).count();
  });
  measuring.join();
  answering.join();
  if (measured_in && answered_in)
    run.counts["instructions"] = static_cast<double>(*measured_in + *answered_in);
  run.disturbed = over.load() || (!shared && !sleeping && (run.disturbed || answering_disturbed));
  return run;
}

}  // namespace hawser::bench
