// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Coming to a window that somebody has just scribbled over.
#pragma once

#include <hawser/transport/link.hpp>

namespace hawser::app {

/// Waits until the link could be found in its window, a second at most: what was scribbled over that, whoever lives there
/// mends within moments. False: the link is broken, and broken_reason() says why.
template <Link L>
bool attached(L& link) {
  const Instant until = link.now() + seconds(1);
  while (link.state() == LinkState::kBroken && link.broken_by() == BrokenBy::kCarrier) {
    if (link.now() >= until || link.bell().wait(link.now() + milliseconds(20)) == Wake::kCancelled)
      return false;
    link.reset();
  }
  return true;
}

}  // namespace hawser::app
