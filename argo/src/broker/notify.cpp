// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// notify: wakes who waits for room in the caller's rings, then answers the caller's own questions.
#include <hawser/argo/broker/xen.hpp>

#include "memory.hpp"
#include "words.hpp"

#include <array>
#include <cstddef>

namespace hawser::argo::broker {

std::int32_t Xen::notify(DomainId id, Domain& self, const Memory& memory, const Call& call, Instant now) {
  if (call.arg2 != 0 || call.arg3 != 0 || call.arg4 != 0) return -kEINVAL;
  if (!self.argo) return -kENODEV;
  wake_waiters(self);
  if (call.arg1 == 0) return 0;
  const auto head = memory.read<std::array<le32, 2>>(call.arg1);  // nent, pad
  if (!head) return -kEFAULT;
  if ((*head)[0] > kMaxEntries) return -kEACCES;
  for (std::uint32_t i = 0; i < (*head)[0]; ++i) {
    const std::uint64_t entry =
        call.arg1 + offsetof(wire::RingData, data) + std::uint64_t{i} * sizeof(wire::RingDataEntry);
    if (const std::int32_t error = describe(id, memory, entry, now); error != 0) return error;
  }
  return 0;
}

void Xen::wake_waiters(Domain& owner) {
  for (auto& [key, ring] : owner.rings) {
    if (ring.waiters.empty()) continue;
    const std::uint32_t room = payload_room(free_in(owner, ring));
    if (room == 0) continue;  // so a waiter for 0 bytes needs more than it waits for (argo.c:1872)
    std::erase_if(ring.waiters, [&](const Waiter& waiter) {
      if (waiter.bytes > room) return false;
      if (Domain* sender = find(waiter.domain)) raise(*sender);
      return true;
    });
  }
}

std::int32_t Xen::describe(DomainId id, const Memory& memory, std::uint64_t at, Instant now) {
  const auto bytes = memory.at(at, sizeof(wire::RingDataEntry));
  auto entry = memory.read<wire::RingDataEntry>(at);
  if (!bytes || !entry) return -kEFAULT;
  const DomainId owner_id = entry->ring.domain_id;
  const std::uint32_t wanted = entry->space_required;
  std::uint16_t flags = 0;
  Domain* owner = find(owner_id);
  if (owner != nullptr && owner->argo) {
    if (!permitted(id, owner_id, entry->ring.aport)) {
      refuse(*find(id), Wish::kQuestion, id, owner_id, entry->ring.aport);
      return -kEPERM;
    }
    bool shared = false;
    if (Ring* ring = match(*owner, entry->ring.aport, id, &shared)) {
      flags = XEN_ARGO_RING_EXISTS | (shared ? XEN_ARGO_RING_SHARED : 0);
      const std::uint32_t whole = ring->length - 2 * kSlot;
      const std::uint32_t most = std::min(whole, options_.max_message);
      const std::uint32_t room = payload_room(free_in(*owner, *ring));
      Account* const payer = account(id, owner_id, entry->ring.aport);
      if (wanted > most) {
        flags |= XEN_ARGO_RING_EMSGSIZE;
      } else if (room < wanted) {
        if (wait_for(*ring, id, wanted) == -kEBUSY) flags |= XEN_ARGO_RING_EBUSY;
      } else if (payer == nullptr || solvent(*payer, now)) {
        flags |= XEN_ARGO_RING_SUFFICIENT;
        std::erase_if(ring->waiters, [&](const Waiter& waiter) { return waiter.domain == id; });
      }
      if (room == whole) flags |= XEN_ARGO_RING_EMPTY;
      entry->max_message_size = most;
    }
  }
  entry->flags = flags;
  std::memcpy(bytes->data() + offsetof(wire::RingDataEntry, flags), &entry->flags, sizeof entry->flags);
  std::memcpy(bytes->data() + offsetof(wire::RingDataEntry, max_message_size), &entry->max_message_size,
              sizeof entry->max_message_size);
  return 0;
}

}  // namespace hawser::argo::broker
