// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The form for one thread: sleeping runs the other end, then lets virtual time pass.
#include "loopback_carrier.hpp"

#include <new>

namespace hawser::loopback {

namespace {

struct Clock {
  Instant now;
  bool busy[2] = {false, false};  ///< That end is inside its wait() or its step.
};

constexpr Duration kFirstTick = microseconds(1);
constexpr Duration kLastTick = milliseconds(1);

}  // namespace

void Carrier::start(Pair& pair) {
  ::new (storage(pair)) Clock();
}
void Carrier::stop(Pair&) {}

bool Carrier::virtual_time() {
  return true;
}

Instant Carrier::now(Pair& pair) {
  Clock& clock = state<Clock>(pair);
  clock.now = clock.now + pair.options_.now_costs;
  return clock.now;
}

void Carrier::pass(Pair& pair, Duration span) {
  Clock& clock = state<Clock>(pair);
  clock.now = clock.now + span;
}

void Carrier::lock(Pair&) {}
void Carrier::unlock(Pair&) {}
void Carrier::wake(Pair&, Which) {}

void Carrier::sleep(Pair& pair, Which which, Instant until, unsigned round) {
  Clock& clock = state<Clock>(pair);
  const unsigned self = static_cast<unsigned>(which);
  const unsigned peer = 1 - self;
  if (!clock.busy[peer]) {
    const bool outer = clock.busy[self];
    clock.busy[self] = clock.busy[peer] = true;
    step(pair.end(other(which)));
    clock.busy[self] = outer;
    clock.busy[peer] = false;
  }
  if (pair.end(which).rings_.rung || until <= clock.now) return;

  // Short ticks first, as most answers come at once; longer ones when nothing happens.
  const Duration tick = round < 10 ? Duration{kFirstTick.ns << round} : kLastTick;
  const Instant then = clock.now + tick;
  clock.now = then < until ? then : until;
}

}  // namespace hawser::loopback
