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
  const auto before = bus.link().counters();
  bool busy = bus.step() || bus.busy();
  if (bus.link().visibility() != Visibility::kShared) looks = 0;
  for (; looks != 0; --looks) {
    if (!bus.busy()) spin_hint();
    busy = bus.serve_queues() || bus.busy() || busy;
  }
  // A model that does not say when it is busy says so by answering: messages or rings.
  const auto after = bus.link().counters();
  return busy || after.rings_asked != before.rings_asked || after.messages_sent != before.messages_sent;
}

/// One turn: work until there is none, keep looking for `spin` (other queues of the same driver often follow at once),
/// then sleep until rung, at most kPollInterval. Wake::kCancelled: stop.
template <class Bus>
Wake serve_turn(Bus& bus, Duration spin) {
  Instant idle_since = bus.link().now();
  // Never less than two steps: what one queue's work made ready (an echo) may belong to a queue that was served before it.
  for (unsigned steps = 1;; ++steps) {
    const bool busy = spin.ns == 0 ? spin_step(bus, 0) : spin_step(bus);
    const Instant now = bus.link().now();
    if (busy) idle_since = now;
    if (steps >= 2 && elapsed(idle_since, now) >= spin) break;
    spin_hint();
  }
  return bus.wait(bus.link().now() + kPollInterval);
}

}  // namespace hawser::app
