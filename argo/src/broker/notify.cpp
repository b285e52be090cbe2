// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// notify: wakes who waits for room in the caller's rings, then answers the caller's own questions.
#include <hawser/argo/broker/xen.hpp>

#include "memory.hpp"
#include "words.hpp"

#include <cstddef>

namespace hawser::argo::broker {

std::int32_t Xen::notify(DomainId id, Domain& self, const Memory& memory, const Call& call, Instant now) {
  if (call.arg2 != 0 || call.arg3 != 0 || call.arg4 != 0) return -kEINVAL;
  if (!self.argo) return -kENODEV;
  wake_waiters(self);
  if (call.arg1 == 0) return 0;
  const auto head = memory.read<RingDataWords>(call.arg1);
  if (!head) return -kEFAULT;
  if (head->count > kMaxEntries) return -kEACCES;
  for (std::uint32_t i = 0; i < head->count; ++i) {
    const std::uint64_t entry =
        call.arg1 + sizeof(RingDataWords) + std::uint64_t{i} * sizeof(RingDataEntryWords);
    if (const std::int32_t error = describe(id, memory, entry, now); error != 0) return error;
  }
  return 0;
}

void Xen::wake_waiters(Domain& owner) {
  for (auto& [key, ring] : owner.rings) {
    if (ring.waiters.empty()) continue;
    std::uint32_t rx = round_up(RingMemory(owner.window, ring.pages, ring.length).load(kRxAt));
    if (rx >= ring.length) rx = 0;
    const std::uint32_t room = payload_room(free_bytes(rx, ring.tx, ring.length));
    if (room == 0) continue;  // so a waiter for 0 bytes needs more than it waits for (argo.c:1872)
    std::erase_if(ring.waiters, [&](const Waiter& waiter) {
      if (waiter.bytes > room) return false;
      if (Domain* sender = find(waiter.domain)) raise(*sender);
      return true;
    });
  }
}

std::int32_t Xen::describe(DomainId id, const Memory& memory, std::uint64_t at, Instant now) {
  const auto bytes = memory.at(at, sizeof(RingDataEntryWords));
  auto entry = memory.read<RingDataEntryWords>(at);
  if (!bytes || !entry) return -kEFAULT;
  const DomainId owner_id = entry->ring.domain;
  const std::uint32_t wanted = entry->space_required;
  std::uint16_t flags = 0;
  Domain* owner = find(owner_id);
  if (owner != nullptr && owner->argo) {
    if (!permitted(id, owner_id, entry->ring.port)) {
      refuse(*find(id), "a question about domain", id, owner_id, entry->ring.port);
      return -kEPERM;
    }
    bool shared = false;
    if (Ring* ring = match(*owner, entry->ring.port, id, &shared)) {
      flags = kExists | (shared ? kShared : 0);
      const std::uint32_t whole = ring->length - 2 * kSlot;
      const std::uint32_t most = std::min(whole, options_.max_message);
      std::uint32_t rx = round_up(RingMemory(owner->window, ring->pages, ring->length).load(kRxAt));
      if (rx >= ring->length) rx = 0;
      const std::uint32_t room = payload_room(free_bytes(rx, ring->tx, ring->length));
      Account* const payer = account(id, owner_id, entry->ring.port);
      if (wanted > most) {
        flags |= kTooLong;
      } else if (room < wanted) {
        if (wait_for(*ring, id, wanted) == -kEBUSY) flags |= kBusy;
      } else if (payer == nullptr || solvent(*payer, now)) {
        flags |= kSufficient;
        std::erase_if(ring->waiters, [&](const Waiter& waiter) { return waiter.domain == id; });
      }
      if (room == whole) flags |= kEmpty;
      entry->max_message = most;
    }
  }
  entry->flags = flags;
  std::memcpy(bytes->data() + offsetof(RingDataEntryWords, flags), &entry->flags, sizeof entry->flags);
  std::memcpy(bytes->data() + offsetof(RingDataEntryWords, max_message), &entry->max_message,
              sizeof entry->max_message);
  return 0;
}

}  // namespace hawser::argo::broker
