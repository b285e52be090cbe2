// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One driver and one device, each polling on its own core, through the queues that everybody uses.
#pragma once

#include "pair.hpp"

#include <hawser/virtio/features.hpp>

#include <cstdint>

namespace hawser::bench {

struct RingRun {
  virtio::Features features;
  std::uint16_t size = 256;
  std::uint16_t batch = 1;        ///< Requests to a publish().
  std::uint16_t outstanding = 1;  ///< Requests in flight at most.
  std::uint32_t requests = 0;
};

/// Nanoseconds a request. Each is checked on its way; 0 ns when one was lost or changed.
Sample ring_request(Cores cores, const RingRun& run);

}  // namespace hawser::bench
