// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Argo as Xen 4.17 implements it, without Xen: domains, rings, waiters, policy. The order of checks, the limits and the
// results are those of common/argo.c, row by row (tests/conformance/argo); what is more is the policy by port, budgets and a
// cap on messages. No I/O, no threads, no clock: whoever owns it brings those, and calls it from one thread at a time.
#pragma once

#include <hawser/argo/broker/rules.hpp>
#include <hawser/argo/spec.hpp>
#include <hawser/transport/time.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace hawser::argo::broker {

/// argo.c: MAX_ARGO_MESSAGE_SIZE. Of payload, in one message.
inline constexpr std::uint32_t kMaxMessageBytes = (16u << 20) - 32;

/// What Xen does and nobody would design. On: bit for bit as Xen.
struct Quirks {
  /// sendv's late errors come back zero-extended: -EAGAIN is 0x00000000fffffff5.
  bool zero_extended_errors = true;
  /// Registering a ring again counts as one more ring, and when it fails the ring is lost.
  bool ring_count_leak = true;
};

struct Options {
  bool enabled = true;          ///< argo=1 on Xen's command line; without: EOPNOTSUPP for all
  bool mac_permissive = false;  ///< argo=1,mac-permissive=1: rings for any sender may be registered
  Quirks quirks;
  std::uint32_t max_message = kMaxMessageBytes;  ///< payload bytes; longer: EMSGSIZE
  Rules rules;                                   ///< default deny
  std::function<void(std::string_view)> log;     ///< one sentence a call, for what domains cause; bounded
};

/// A hypercall as its registers hold it. Addresses are the caller's own, at which it sees its window's first byte at
/// `base`. The window's page 0 is not memory: addresses in it are unmapped, and so is NULL.
struct Call {
  std::uint32_t command = 0;
  std::uint64_t arg1 = 0, arg2 = 0, arg3 = 0, arg4 = 0;
  std::uint64_t base = 0;
};

struct DomainCounters {
  std::uint64_t hypercalls = 0;
  std::uint64_t messages = 0;  ///< sent
  std::uint64_t bytes = 0;     ///< payload sent
  std::uint64_t refused = 0;   ///< by policy
  std::uint64_t held = 0;      ///< EAGAIN because of a budget
  std::uint64_t signals = 0;   ///< raised in it
};

class Xen {
 public:
  using Signal = std::function<void()>;

  explicit Xen(Options options);
  ~Xen();
  Xen(const Xen&) = delete;
  Xen& operator=(const Xen&) = delete;

  // A domain's life. ------------------------------------------------------------------------------------------------

  /// A domain that owns `window`: frame n is its nth page, and frame 0 is no memory. The window is page-aligned, a
  /// whole number of pages, and stays until remove(). Nothing outside of it is ever touched on the domain's account.
  /// @param argo  false: a domain without Argo (XSM denied it at creation).
  /// @return false when the id is taken or reserved.
  [[nodiscard]] bool create(DomainId id, std::span<std::byte> window, bool argo = true);

  /// Where VIRQ_ARGO goes: raised in the middle of hypercall(), kill() and advance(), so it must not call back.
  /// None: signals are lost, messages are not.
  void bind(DomainId id, Signal signal);

  /// First half of destruction: its rings and the rings that others registered for it are gone, nobody is told.
  /// To senders it refuses connections.
  void kill(DomainId id);
  /// Second half, with the first if need be: nobody knows the id any more.
  void remove(DomainId id);
  /// All that the domain registered is gone, as after kill(), and Argo is there again.
  void soft_reset(DomainId id);
  /// A domain that is only shut down stays as it is: rings take messages until they are full. There is no call for it.

  bool exists(DomainId id) const { return domains_.contains(id); }

  // At work. --------------------------------------------------------------------------------------------------------

  /// HYPERVISOR_argo_op. The result as the register would hold it.
  std::int64_t hypercall(DomainId caller, const Call& call, Instant now);

  /// Raises the signals that budgets held back until now.
  void advance(Instant now);
  /// When advance() has something to do; never() if nothing.
  Instant next_due() const;

  /// From now on these hold. Rings that were registered under other rules stay, but nothing is delivered to them.
  void set_rules(Rules rules);
  const Rules& rules() const { return options_.rules; }
  const Options& options() const { return options_; }

  DomainCounters counters(DomainId id) const;
  std::size_t rings(DomainId id) const;

 private:
  struct Waiter {
    DomainId domain;
    std::uint32_t bytes;
  };

  struct Ring {
    std::uint32_t length = 0;
    std::uint32_t tx = 0;              // private: the guest's copy is written, never read
    std::vector<std::uint32_t> pages;  // of the owner's window; may repeat
    std::vector<Waiter> waiters;
  };

  using RingKey = std::pair<std::uint32_t, DomainId>;  // port, partner

  struct Domain {
    std::span<std::byte> window;
    Signal signal;
    bool argo = true;
    std::uint32_t ring_count = 0;  // as Xen counts, which with the leak is not rings.size()
    std::map<RingKey, Ring> rings;
    DomainCounters counters;
  };

  struct Account {
    Budget budget;
    Meter bytes, messages;
    bool waiting = false;  // the sender is owed a signal
    Instant open_at() const { return std::max(bytes.open_at(), messages.open_at()); }
  };

  class Memory;

  /// What policy may refuse.
  enum class Wish : std::uint8_t {
    kRing,
    kMessage,
    kQuestion,
  };

  std::int32_t register_ring(DomainId id, Domain& self, const Memory& memory, const Call& call);
  std::int32_t unregister_ring(Domain& self, const Memory& memory, const Call& call);
  std::int64_t sendv(DomainId id, Domain& self, const Memory& memory, const Call& call, Instant now);
  std::int32_t notify(DomainId id, Domain& self, const Memory& memory, const Call& call, Instant now);

  struct Message;
  std::int32_t deliver(DomainId id, Domain& self, Domain& receiver, Message& message, Instant now);
  std::int32_t describe(DomainId id, const Memory& memory, std::uint64_t entry, Instant now);
  void wake_waiters(Domain& owner);

  Domain* find(DomainId id);
  Ring* match(Domain& owner, std::uint32_t port, DomainId sender, bool* shared = nullptr);
  /// Bytes between the private producer and the consumer that the owner shows, one slot of which is never used.
  static std::uint32_t free_in(const Domain& owner, const Ring& ring);
  static std::int32_t wait_for(Ring& ring, DomainId domain, std::uint32_t bytes);
  void raise(Domain& domain);

  bool permitted(DomainId from, DomainId to, std::uint32_t port) const;
  /// The account that pays for a permitted message; nullptr if nothing limits it.
  Account* account(DomainId from, DomainId to, std::uint32_t port);
  /// Whether the account may spend now. If not, its sender will be signalled when it may.
  static bool solvent(Account& account, Instant now);
  void refuse(Domain& self, Wish wish, DomainId from, DomainId to, std::uint32_t port);

  struct Told {
    std::set<std::pair<Wish, std::uint32_t>> what;
    bool enough = false;
  };

  Options options_;
  std::map<DomainId, Domain> domains_;
  std::map<std::tuple<std::size_t, DomainId, DomainId>, Account> accounts_;  // by rule, sender, receiver
  std::map<std::pair<DomainId, DomainId>, Told> told_;                       // refusals that were logged
};

}  // namespace hawser::argo::broker
