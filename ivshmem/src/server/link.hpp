// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One link of the server: its memory, its members, and who has to be told what.
#pragma once

#include "ids.hpp"
#include "send_queue.hpp"

#include <hawser/ivshmem/server/policy.hpp>
#include <hawser/transport/time.hpp>

#include <map>
#include <memory>
#include <optional>

namespace hawser::ivshmem {

class Link;

/// Somebody at the other end of an accepted socket: first knocking (has been sent the version, owns nothing),
/// then a member (has an id and doorbells, and everybody knows it).
struct Connection {
  std::uint64_t key = 0;
  UniqueFd socket;
  Credentials who;
  Link* link = nullptr;
  bool member = false;
  Ids::Lease lease{};
  std::shared_ptr<const FdSet> doorbells;
  SendQueue queue;
  Instant since{};                     // accepted
  std::optional<Instant> stuck_since;  // the socket has been full, and nothing moved, since then
  bool congested = false;  // the kernel made it wait, which was logged, and it has not caught up yet
  std::string doom;        // why it is about to be dropped
};

class Link {
 public:
  /// @throws Error when there is no memory object to be had.
  explicit Link(LinkPolicy policy);

  const LinkPolicy& policy() const { return policy_; }
  /// Members are not checked against it here.
  void set_policy(LinkPolicy policy) { policy_ = std::move(policy); }

  const std::map<std::uint16_t, Connection*>& members() const { return members_; }
  const Ids& ids() const { return ids_; }
  int memory_fd() const { return memory_->front().raw(); }

  /// More than this in one queue means that its client reads too slowly to ever catch up.
  std::size_t queue_limit() const { return 4 * std::size_t{policy_.max_peers} + 64; }

  /// Makes `newcomer` a member: fills its queue with the rest of the greeting, and everybody else's with its
  /// doorbells. Flush the others first: then a newcomer is known to all who listen before it knows itself.
  /// @return why not, and nothing has changed then.
  std::optional<wire::Refusal> enroll(Connection& newcomer);

  /// Takes a member out; each of the others has one "gone" in its queue then, or never hears of it at all.
  void leave(Connection& member);

 private:
  LinkPolicy policy_;
  std::shared_ptr<const FdSet> memory_;
  Ids ids_;
  std::map<std::uint16_t, Connection*> members_;
};

}  // namespace hawser::ivshmem
