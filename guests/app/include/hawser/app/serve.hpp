// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device side's loop: serve, spin a little, sleep. What is on the bus is its owner's business.
#pragma once

#include <hawser/transport/link.hpp>
#include <hawser/transport/time.hpp>

namespace hawser::app {

/// One turn: work until there is none, keep looking for `spin` (other queues of the same driver often follow at once),
/// then sleep until rung, at most kPollInterval. Wake::kCancelled: stop.
template <class Bus>
Wake serve_turn(Bus& bus, Duration spin) {
  Instant idle_since = bus.link().now();
  // Never less than two steps: what one queue's work made ready (an echo) may belong to a queue that was served before it.
  for (unsigned steps = 1;; ++steps) {
    const auto before = bus.link().counters();
    const bool more = bus.step();
    const Instant now = bus.link().now();
    const auto after = bus.link().counters();
    // A busy device says so by answering: messages or rings.
    if (more || after.rings_asked != before.rings_asked || after.messages_sent != before.messages_sent)
      idle_since = now;
    if (steps >= 2 && elapsed(idle_since, now) >= spin) break;
    spin_hint();
  }
  return bus.wait(bus.link().now() + kPollInterval);
}

}  // namespace hawser::app
