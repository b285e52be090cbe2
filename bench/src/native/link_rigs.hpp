// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Requests over a whole link: a driver here, a device on the other core, a bus between them.
#pragma once

#include "rings.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace hawser::bench {

struct LinkRun {
  bool packed = true;
  Waiting waiting = Waiting::kPollOnly;
  std::size_t payload = 64;  ///< Readable bytes of a request, copied into its buffer from elsewhere.
  std::uint16_t batch = 1;   ///< Requests to a publish(), at most.
  std::uint16_t outstanding = 1;
  bool echo = false;  ///< The payload comes back, and is copied out of the answer.

  std::size_t answer() const { return echo ? payload : std::size_t{16}; }
};

/// One link that is up, and both its sides.
class LinkRig {
 public:
  virtual ~LinkRig() = default;
  /// Pins the calling thread meanwhile.
  virtual Run run(const LinkRun& run, unsigned units, Histogram* single) = 0;
};

struct RigOptions {
  Cores cores;
  std::uint16_t queue_size = 256;
  bool crowded = false;  ///< More processes than processors: to be taken off one is part of it.
};

// Each throws std::exception with a sentence when it cannot be set up. Those with processes fork: no other thread may run.
std::unique_ptr<LinkRig> loopback_rig(const RigOptions& options);  ///< A thread of this process.
std::unique_ptr<LinkRig> ivshmem_rig(const RigOptions& options);   ///< A server and a process.
std::unique_ptr<LinkRig> broker_rig(const RigOptions& options);    ///< The Argo broker and a process.

}  // namespace hawser::bench
