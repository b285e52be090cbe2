// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "pair.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>

namespace hawser::bench {

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

Run timed_pair(Cores cores, const Part& measure, const Part& answer, bool sleeping) {
  const bool shared = cores.measuring == cores.answering;
  std::atomic<int> ready{0};
  const auto meet = [&ready, shared] {
    ready.fetch_add(1);
    while (ready.load() != 2) {
      if (shared)
        sched_yield();
      else
        spin_hint();
    }
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
  Run run;
  std::thread measuring([&] {
    pin(cores.measuring);
    meet();
    Patience patience(over);
    const long before = preemptions();
    const auto start = std::chrono::steady_clock::now();
    measure(patience);
    const auto stop = std::chrono::steady_clock::now();
    run.disturbed = preemptions() != before;
    run.ns = std::chrono::duration<double, std::nano>(stop - start).count();
  });
  measuring.join();
  answering.join();
  run.disturbed = over.load() || (!shared && !sleeping && (run.disturbed || answering_disturbed));
  return run;
}

}  // namespace hawser::bench
