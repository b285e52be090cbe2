// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Peer ids that never come back to a client that has seen them go.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>

namespace hawser::ivshmem {

/// Stock QEMU frees a peer's vectors when told that it is gone, and keeps the pointer: the same id again is a
/// use after free there. So an id goes up, and is taken a second time only when every client alive joined after
/// its last holder had left (and so was never told of it).
class Ids {
 public:
  /// An id, and the moment in the life of the link from which its holder may have been told of others.
  struct Lease {
    std::uint16_t id;
    std::uint64_t since;
  };

  explicit Ids(std::uint32_t space = 65536) : space_(space) {}

  /// Nothing when every id is, or was, known to somebody who is still there.
  std::optional<Lease> take() {
    std::uint16_t id;
    if (fresh_ < space_) {
      id = static_cast<std::uint16_t>(fresh_++);
    } else if (reusable()) {
      id = retired_.front().id;
      retired_.pop_front();
    } else {
      return std::nullopt;
    }
    const Lease lease{id, ++clock_};
    living_.insert(lease.since);
    return lease;
  }

  void retire(Lease lease) {
    living_.erase(lease.since);
    retired_.push_back({lease.id, ++clock_});
  }

  /// How many could be taken now if nobody left.
  std::uint32_t left() const {
    std::uint32_t count = space_ - fresh_;
    for (const Retired& r : retired_) {  // oldest first
      if (!safe(r)) break;
      ++count;
    }
    return count;
  }

 private:
  struct Retired {
    std::uint16_t id;
    std::uint64_t at;
  };

  bool safe(const Retired& r) const { return living_.empty() || r.at < *living_.begin(); }
  bool reusable() const { return !retired_.empty() && safe(retired_.front()); }

  std::uint32_t space_;
  std::uint32_t fresh_ = 0;
  std::uint64_t clock_ = 0;
  std::set<std::uint64_t> living_;  // `since` of every lease out
  std::deque<Retired> retired_;     // in the order of leaving
};

}  // namespace hawser::ivshmem
