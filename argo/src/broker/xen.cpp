// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Domains, the way into a hypercall, and what policy says.
#include <hawser/argo/broker/xen.hpp>

#include "memory.hpp"
#include "words.hpp"

#include <fmt/format.h>

namespace hawser::argo::broker {
namespace {

/// A domain that tries port after port must not fill the log.
constexpr std::size_t kRefusalsTold = 16;

}  // namespace

Xen::Xen(Options options) : options_(std::move(options)) {}
Xen::~Xen() = default;

bool Xen::create(DomainId id, std::span<std::byte> window, bool argo) {
  if (id >= kFirstReserved || window.size() % kPageBytes != 0) return false;
  const auto [it, fresh] = domains_.try_emplace(id);
  if (fresh) {
    it->second.window = window;
    it->second.argo = argo;
  }
  return fresh;
}

void Xen::bind(DomainId id, Signal signal) {
  if (Domain* domain = find(id)) domain->signal = std::move(signal);
}

void Xen::soft_reset(DomainId id) {
  Domain* self = find(id);
  if (self == nullptr || !self->argo) return;
  self->rings.clear();
  self->ring_count = 0;
  for (auto& [other_id, other] : domains_) {
    // Those that only this domain may send to go, in silence: their owner finds out when it unregisters (argo.c:1268).
    // Xen counts one ring less for each; what the leak added stays.
    other.ring_count -= static_cast<std::uint32_t>(
        std::erase_if(other.rings, [&](const auto& ring) { return ring.first.second == id; }));
    for (auto& [key, ring] : other.rings) {
      std::erase_if(ring.waiters, [&](const Waiter& waiter) { return waiter.domain == id; });
    }
  }
  for (auto& [key, account] : accounts_) {
    if (std::get<1>(key) == id) account.waiting = false;
  }
}

void Xen::kill(DomainId id) {
  soft_reset(id);
  if (Domain* domain = find(id)) domain->argo = false;
}

void Xen::remove(DomainId id) {
  kill(id);
  domains_.erase(id);
}

std::int64_t Xen::hypercall(DomainId caller, const Call& call, Instant now) {
  Domain* self = find(caller);
  if (self == nullptr) return -kESRCH;
  ++self->counters.hypercalls;
  if (call.arg3 > UINT32_MAX || call.arg4 > UINT32_MAX) return -kEINVAL;
  if (!options_.enabled) return -kEOPNOTSUPP;
  const Memory memory(self->window, call.base);
  switch (call.command) {
    case 1:
      return register_ring(caller, *self, memory, call);
    case 2:
      return unregister_ring(*self, memory, call);
    case 3:
      return sendv(caller, *self, memory, call, now);
    case 4:
      return notify(caller, *self, memory, call, now);
    default:
      return -kEOPNOTSUPP;
  }
}

Xen::Domain* Xen::find(DomainId id) {
  const auto it = domains_.find(id);
  return it == domains_.end() ? nullptr : &it->second;
}

Xen::Ring* Xen::match(Domain& owner, std::uint32_t port, DomainId sender, bool* shared) {
  auto it = owner.rings.find({port, sender});
  if (shared != nullptr) *shared = it == owner.rings.end();
  if (it == owner.rings.end()) it = owner.rings.find({port, kAnyDomain});
  return it == owner.rings.end() ? nullptr : &it->second;
}

void Xen::raise(Domain& domain) {
  ++domain.counters.signals;
  if (domain.signal) domain.signal();
}

DomainCounters Xen::counters(DomainId id) const {
  const auto it = domains_.find(id);
  return it == domains_.end() ? DomainCounters{} : it->second.counters;
}

std::size_t Xen::rings(DomainId id) const {
  const auto it = domains_.find(id);
  return it == domains_.end() ? 0 : it->second.rings.size();
}

// Policy ------------------------------------------------------------------------------------------------------------

bool Xen::permitted(DomainId from, DomainId to, std::uint32_t port) const {
  return from == to || std::any_of(options_.rules.begin(), options_.rules.end(),
                                   [&](const Rule& rule) { return rule.covers(from, to, port); });
}

void Xen::refuse(Domain& self, Wish wish, DomainId from, DomainId to, std::uint32_t port) {
  ++self.counters.refused;
  if (!options_.log) return;
  Told& told = told_[{from, to}];
  if (told.enough || !told.what.emplace(wish, port).second) return;
  const std::string what = wish == Wish::kRing
                               ? fmt::format("a ring of domain {} for domain {}", to, from)
                               : fmt::format("a {} of domain {} to domain {}",
                                             wish == Wish::kMessage ? "message" : "question", from, to);
  options_.log(fmt::format("refused: {} on port {:#x}: no rule allows it (--allow {}:{}:{:#x} would)", what,
                           port, from, to, port));
  if (told.what.size() == kRefusalsTold) {
    told.enough = true;
    options_.log(
        fmt::format("further refusals of what domain {} would send to domain {} are not told", from, to));
  }
}

void Xen::set_rules(Rules rules) {
  options_.rules = std::move(rules);
  told_.clear();
  const auto accounts = std::exchange(accounts_, {});
  for (const auto& [key, account] : accounts) {  // what they waited for may hold no more
    Domain* sender = account.waiting ? find(std::get<1>(key)) : nullptr;
    if (sender != nullptr) raise(*sender);
  }
}

Xen::Account* Xen::account(DomainId from, DomainId to, std::uint32_t port) {
  if (from == to) return nullptr;
  for (std::size_t i = 0; i < options_.rules.size(); ++i) {
    const Rule& rule = options_.rules[i];
    if (!rule.covers(from, to, port)) continue;
    if (rule.budget.bytes_per_second == 0 && rule.budget.messages_per_second == 0) return nullptr;
    Account& account = accounts_[{i, from, to}];
    account.budget = rule.budget;
    return &account;
  }
  return nullptr;
}

bool Xen::solvent(Account& account, Instant now) {
  if (account.open_at() <= now) return true;
  account.waiting = true;
  return false;
}

void Xen::advance(Instant now) {
  for (auto& [key, account] : accounts_) {
    if (!account.waiting || account.open_at() > now) continue;
    account.waiting = false;
    if (Domain* sender = find(std::get<1>(key))) raise(*sender);
  }
}

Instant Xen::next_due() const {
  Instant due = Instant::never();
  for (const auto& [key, account] : accounts_) {
    if (account.waiting) due = std::min(due, account.open_at());
  }
  return due;
}

}  // namespace hawser::argo::broker
