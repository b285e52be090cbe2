// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One driver and one device, each on its own core, through the queues that everybody uses.
#pragma once

#include "pair.hpp"

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/spin.hpp>

#include <cstdint>

namespace hawser::bench {

using Waiting = virtio::AdaptiveSpin::Mode;

inline const char* in_words(Waiting waiting) {
  return waiting == Waiting::kPollOnly ? "polling"
         : waiting == Waiting::kNever  ? "sleeping"
                                       : "spinning, then sleeping";
}

struct RingRun {
  virtio::Features features;
  std::uint16_t size = 256;
  std::uint16_t batch = 1;        ///< Requests to a publish().
  std::uint16_t outstanding = 1;  ///< Requests in flight at most.
  Waiting waiting = Waiting::kPollOnly;
  bool timed = false;  ///< With stage timing, as `hawser serve` and `use` have it.
};

/// Each request is checked on its way; broken when one was lost or changed. Those who sleep do so on eventfds, and count
/// doorbells and wakes.
Run ring_requests(Cores cores, const RingRun& run, unsigned units, Histogram* single);

/// Both halves in this thread, in turns, without waiting: what an instruction counter should see. False: it did not work.
bool ring_requests_alone(const RingRun& run, unsigned units);

}  // namespace hawser::bench
