// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "pair.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>

namespace hawser::bench {

namespace {

void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(core), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/// How often the calling thread has had to make room for another.
long preemptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

}  // namespace

std::optional<Cores> two_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return std::nullopt;
  std::optional<int> first;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(static_cast<unsigned>(core), &set)) continue;
    if (first) return Cores{*first, core};
    first = core;
  }
  return std::nullopt;
}

Timing timed_pair(Cores cores, const Part& measure, const Part& answer) {
  std::atomic<int> ready{0};
  const auto meet = [&ready] {
    ready.fetch_add(1);
    while (ready.load() != 2) spin_hint();
  };
  std::atomic<bool> over{false};
  bool answering_disturbed = false;
  std::thread answering([&] {
    pin(cores.answering);
    meet();
    Patience patience(over);
    const long before = preemptions();
    answer(patience);
    answering_disturbed = preemptions() != before;
  });
  Timing timing;
  std::thread measuring([&] {
    pin(cores.measuring);
    meet();
    Patience patience(over);
    const long before = preemptions();
    const auto start = std::chrono::steady_clock::now();
    measure(patience);
    const auto stop = std::chrono::steady_clock::now();
    timing.disturbed = preemptions() != before;
    timing.ns = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(stop - start).count());
  });
  measuring.join();
  answering.join();
  timing.disturbed |= answering_disturbed || over.load();
  return timing;
}

}  // namespace hawser::bench
