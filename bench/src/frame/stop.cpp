// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/stop.hpp>

#include <atomic>

namespace hawser::bench {
namespace {

// A handler may write these because they need no lock.
std::atomic<int> first{0};
std::atomic<int> count{0};
static_assert(std::atomic<int>::is_always_lock_free);
constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

void take(int signal) {
  int none = 0;
  first.compare_exchange_strong(none, signal);
  ++count;
}

}  // namespace

Stop::Stop() {
  first = 0;
  count = 0;
  struct sigaction action {};
  action.sa_handler = take;
  sigemptyset(&action.sa_mask);
  for (unsigned n = 0; n < 3; ++n) sigaction(kSignals[n], &action, &before_[n]);
}

Stop::~Stop() {
  for (unsigned n = 0; n < 3; ++n) sigaction(kSignals[n], &before_[n], nullptr);
  first = 0;
  count = 0;
}

int Stop::asked() {
  return first;
}

int Stop::times() {
  return count;
}

void Stop::ask(int signal) {
  take(signal);
}

}  // namespace hawser::bench
