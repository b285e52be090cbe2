// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Who may send to whom, on which ports, and how much. What Xen's XSM decides by domain pair, with ports and budgets.
#pragma once

#include <hawser/argo/spec.hpp>
#include <hawser/transport/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::argo::broker {

using DomainId = std::uint16_t;

/// DOMID_FIRST_RESERVED (xen.h): ids from here on name no domain (SELF, IO, XEN, ...).
inline constexpr DomainId kFirstReserved = 0x7ff0;

/// DOMID_ANY: in a message, the sender itself; as a partner, whoever may send.
inline constexpr DomainId kAnyDomain = XEN_ARGO_DOMID_ANY;

/// How much one domain may send another under one rule; 0 is no limit. Held over any second; a tenth of a second's worth
/// may come at once.
struct Budget {
  std::uint64_t bytes_per_second = 0;  ///< headers and padding included, as they take room in the ring
  std::uint64_t messages_per_second = 0;
};

/// Lets `from` send to `to` on ports first_port to last_port, and `to` register rings for it there. No domain: any.
struct Rule {
  std::optional<DomainId> from;
  std::optional<DomainId> to;
  std::uint32_t first_port = 0;
  std::uint32_t last_port = UINT32_MAX;
  Budget budget;

  bool covers(DomainId sender, DomainId receiver, std::uint32_t port) const {
    return (!from || *from == sender) && (!to || *to == receiver) && first_port <= port && port <= last_port;
  }
};

/// The first rule that covers a message decides. None: it is refused. A domain may always send to itself.
using Rules = std::vector<Rule>;

/// "FROM:TO", "FROM:TO:PORT" or "FROM:TO:FIRST-LAST", numbers as in C, * for any domain; then, separated by commas,
/// bytes=N and messages=N, each a second (K, M, G: binary).
/// @throws std::invalid_argument with one sentence.
Rule parse_rule(std::string_view text);

/// As parse_rule() reads it.
std::string format_rule(const Rule& rule);

/// A rate limit that never refuses for good: what is spent over it is paid off before the next.
/// (The virtual scheduling form of a leaky bucket: one point in time says it all.)
class Meter {
 public:
  static constexpr Duration kBurst = milliseconds(100);

  /// When something may be spent next.
  Instant open_at() const { return {paid_until_.ns > kBurst.ns ? paid_until_.ns - kBurst.ns : 0}; }

  void spend(std::uint64_t amount, std::uint64_t per_second, Instant now) {
    if (per_second == 0) return;
    const Instant from = paid_until_ > now ? paid_until_ : now;
    paid_until_ = from + Duration{amount * 1'000'000'000 / per_second};  // amount is below 2^25
  }

 private:
  Instant paid_until_{};
};

}  // namespace hawser::argo::broker
