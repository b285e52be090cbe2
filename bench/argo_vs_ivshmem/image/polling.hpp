// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How a driver side looks for answers, and how long in vain.
#pragma once

#include <hawser/transport/link.hpp>
#include <hawser/transport/order.hpp>
#include <hawser/transport/time.hpp>

namespace hawser::bench {

inline constexpr Duration kPatience = seconds(5);

/// Between two looks of one who polls. Whoever neither waits nor asks is taken for dead otherwise; and where nothing is
/// shared, this is what looks. `alive`: when it last did.
template <class Session>
void look(Session& session, Instant& alive, Instant now) {
  constexpr Duration kKeepAlive = milliseconds(5);
  const bool shared = session.link().visibility() == Visibility::kShared;
  if (!shared || elapsed(alive, now) >= kKeepAlive) {
    alive = now;
    (void)session.bus().pump();
  }
  spin_hint();
}

}  // namespace hawser::bench
