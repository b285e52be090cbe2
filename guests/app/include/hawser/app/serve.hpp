// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device side's loop: serve, spin a little, sleep. What is on the bus is its owner's business.
#pragma once

#include <hawser/transport/link.hpp>
#include <hawser/transport/time.hpp>

namespace hawser::app {

/// A step, and then so many looks at the queues alone, which find work sooner. Only where the memory is shared: elsewhere
/// nothing comes to a queue without the link's work. True: something was done.
template <class Bus>
bool spin_step(Bus& bus, unsigned looks = 15) {
  constexpr Duration kLongest = milliseconds(5);  // between two looks at the link, which are its heartbeat
  const auto before = bus.link().counters();
  const Instant begin = bus.link().now();
  bool busy = bus.step() || bus.busy();
  if (bus.link().visibility() != Visibility::kShared) looks = 0;
  for (; looks != 0; --looks) {
    if (!bus.busy()) spin_hint();
    const bool more = bus.serve_queues();
    busy = more || bus.busy() || busy;
    if (more && elapsed(begin, bus.link().now()) > kLongest) break;
  }
  // A model that does not say when it is busy says so by answering: messages or rings.
  const auto after = bus.link().counters();
  return busy || after.rings_asked != before.rings_asked || after.messages_sent != before.messages_sent;
}

/// One turn: work until there is none, keep looking for `spin` (other queues of the same driver often follow at once),
/// then sleep until rung, at most kPollInterval. A driver that never pauses has its turn ended after that time as well,
/// since the caller has other things to look after. Wake::kCancelled: stop.
template <class Bus>
Wake serve_turn(Bus& bus, Duration spin) {
  const Instant begin = bus.link().now();
  Instant idle_since = begin;
  // Never less than two steps: what one queue's work made ready (an echo) may belong to a queue that was served before it.
  for (unsigned steps = 1;; ++steps) {
    const bool busy = spin.ns == 0 ? spin_step(bus, 0) : spin_step(bus);
    const Instant now = bus.link().now();
    if (busy) idle_since = now;
    if (steps >= 2 && elapsed(idle_since, now) >= spin) break;
    if (elapsed(begin, now) >= kPollInterval)
      return bus.link().bell().wait(now) == Wake::kCancelled ? Wake::kCancelled : Wake::kRung;
    spin_hint();
  }
  return bus.wait(bus.link().now() + kPollInterval);
}

}  // namespace hawser::app
