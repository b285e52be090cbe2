// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The one way to wait: look, and only then sleep, with interrupts held off between the two.
#pragma once

#include "arch.hpp"

#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

namespace hawser::guest {

/// Sleeps until happened() or the deadline. happened() looks at what interrupt handlers leave behind; since
/// interrupts are taken only here, nothing can come between its "no" and the sleep: what arrives then stays pending
/// and ends the sleep at once.
template <class Happened>
Wake wait_until(Instant deadline, Happened happened) {
  arch::take_pending();
  while (!happened()) {
    if (arch::now() >= deadline) return Wake::kTimeout;
    arch::set_alarm(deadline);
    arch::sleep();
  }
  return Wake::kRung;
}

}  // namespace hawser::guest
