// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "pair.hpp"

#include <hawser/transport/order.hpp>

#include <pthread.h>
#include <sched.h>

#include <atomic>
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

std::uint64_t timed_pair(Cores cores, const std::function<void()>& measure,
                         const std::function<void()>& answer) {
  std::atomic<int> ready{0};
  const auto meet = [&ready] {
    ready.fetch_add(1);
    while (ready.load() != 2) spin_hint();
  };
  std::thread answering([&] {
    pin(cores.answering);
    meet();
    answer();
  });
  std::uint64_t ns = 0;
  std::thread measuring([&] {
    pin(cores.measuring);
    meet();
    const auto start = std::chrono::steady_clock::now();
    measure();
    const auto stop = std::chrono::steady_clock::now();
    ns = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(stop - start).count());
  });
  measuring.join();
  answering.join();
  return ns;
}

}  // namespace hawser::bench
