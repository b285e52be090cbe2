// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Processes that are in the way of others, but only when asked to be.
#pragma once

#include "link_process.hpp"

#include <functional>
#include <string>

namespace hawser::bench {

class Neighbor {
 public:
  using Nuisance = std::function<void()>;

  /// `prepare` makes what is then called again and again. Returns when it has been prepared, and rests. Forks: no other
  /// thread may run. Throws std::runtime_error where it ended instead.
  explicit Neighbor(const std::function<Nuisance()>& prepare);

  void go();
  /// Returns when it really rests. False: it has ended.
  bool rest();

 private:
  LinkProcess process_;
  bool ended_ = false;
};

/// Computes, and needs nothing but its core.
Neighbor::Nuisance busy(int core);
/// Writes to each line of `bytes` of memory, far more than caches hold: it has the core, the caches and the bus.
Neighbor::Nuisance writes_memory(int core, std::size_t bytes);
/// A member of an ivshmem link that it has no part in rings everybody's every doorbell, as fast as it can.
Neighbor::Nuisance rings_doorbells(const std::string& socket);

}  // namespace hawser::bench
