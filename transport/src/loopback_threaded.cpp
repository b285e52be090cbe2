// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The form for two threads: a mutex around the bells, a condition variable to sleep on, real time. Hosted; the
// only file of transport/ that needs an operating system. Messages do not pass through here: they go through
// the control area, without a lock, as between two guests.
#include "loopback_carrier.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>

namespace hawser::loopback {

namespace {

using SteadyClock = std::chrono::steady_clock;

struct Sleepers {
  std::mutex mutex;
  std::condition_variable woken[2];
  SteadyClock::time_point began = SteadyClock::now();
};

constexpr Duration kYear = seconds(365 * 86400);

std::chrono::nanoseconds span_of(Duration span) {
  return std::chrono::nanoseconds(span.ns);
}

}  // namespace

void Carrier::start(Pair& pair) {
  ::new (storage(pair)) Sleepers();
}

void Carrier::stop(Pair& pair) {
  state<Sleepers>(pair).~Sleepers();
}

bool Carrier::virtual_time() {
  return false;
}

Instant Carrier::now(Pair& pair) {
  const auto passed = SteadyClock::now() - state<Sleepers>(pair).began;
  return {static_cast<std::uint64_t>(std::chrono::nanoseconds(passed).count())};
}

void Carrier::pass(Pair&, Duration span) {
  std::this_thread::sleep_for(span_of(span));
}

void Carrier::lock(Pair& pair) {
  state<Sleepers>(pair).mutex.lock();
}

void Carrier::unlock(Pair& pair) {
  state<Sleepers>(pair).mutex.unlock();
}

void Carrier::sleep(Pair& pair, Which which, Instant until, unsigned) {
  Sleepers& sleepers = state<Sleepers>(pair);
  std::condition_variable& woken = sleepers.woken[static_cast<unsigned>(which)];
  std::unique_lock lock(sleepers.mutex, std::adopt_lock);
  if (until.ns > kYear.ns) {  // also keeps the library's arithmetic from overflowing
    woken.wait(lock);
  } else {
    woken.wait_until(lock, sleepers.began + span_of({until.ns}));
  }
  lock.release();  // the caller holds it again
}

void Carrier::wake(Pair& pair, Which which) {
  state<Sleepers>(pair).woken[static_cast<unsigned>(which)].notify_one();
}

}  // namespace hawser::loopback
