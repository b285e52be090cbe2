// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// sendv. The numbered steps are the order in which Xen checks.
#include <hawser/argo/broker/xen.hpp>

#include "memory.hpp"
#include "words.hpp"

#include <array>
#include <span>

namespace hawser::argo::broker {

struct Xen::Message {
  const Memory& memory;
  wire::SendAddress address;
  std::array<wire::Iov, XEN_ARGO_MAXIOV> vectors;
  std::uint64_t count;
  std::uint32_t type;
};

std::int64_t Xen::sendv(DomainId id, Domain& self, const Memory& memory, const Call& call, Instant now) {
  const auto address = memory.read<wire::SendAddress>(call.arg1);
  if (!address) return -kEFAULT;                     // 1
  if (call.arg3 > XEN_ARGO_MAXIOV) return -kEINVAL;  // 2
  Message message{memory, *address, {}, call.arg3, static_cast<std::uint32_t>(call.arg4)};
  const auto list = memory.at(call.arg2, call.arg3 * sizeof(wire::Iov));
  if (!list) return -kEFAULT;  // 3
  for (std::uint64_t i = 0; i < message.count; ++i) {
    message.vectors[i] = copy_once<wire::Iov>(list->data() + i * sizeof(wire::Iov));
  }

  wire::Address& source = message.address.src;
  const wire::Address& destination = message.address.dst;
  if (source.pad != 0 || destination.pad != 0) return -kEINVAL;  // 4
  if (source.domain_id == kAnyDomain) source.domain_id = id;
  if (source.domain_id != id) return -kEPERM;  // 5
  Domain* receiver = find(destination.domain_id);
  if (receiver == nullptr) return -kESRCH;  // 6
  if (!permitted(id, destination.domain_id, destination.aport)) {
    refuse(self, Wish::kMessage, id, destination.domain_id, destination.aport);
    return -kEPERM;  // 7
  }
  const std::int32_t result = deliver(id, self, *receiver, message, now);
  if (result >= 0) {
    ++self.counters.messages;
    self.counters.bytes += static_cast<std::uint32_t>(result);
    raise(*receiver);
  }
  return options_.quirks.zero_extended_errors ? static_cast<std::int64_t>(static_cast<std::uint32_t>(result))
                                              : std::int64_t{result};
}

std::int32_t Xen::deliver(DomainId id, Domain& self, Domain& receiver, Message& message, Instant now) {
  const wire::Address& destination = message.address.dst;
  if (!self.argo) return -kENODEV;            // 8
  if (!receiver.argo) return -kECONNREFUSED;  // 9
  Ring* ring = match(receiver, destination.aport, id);
  if (ring == nullptr) return -kECONNREFUSED;  // 10
  std::uint32_t length = 0;
  for (std::uint64_t i = 0; i < message.count; ++i) {  // 11
    const wire::Iov& vector = message.vectors[i];
    if (vector.pad != 0 || vector.iov_len > kMaxMessageBytes) return -kEINVAL;
    length += vector.iov_len;
    if (length > kMaxMessageBytes) return -kEMSGSIZE;
  }
  if (length > options_.max_message) return -kEMSGSIZE;
  const std::uint32_t room = kSlot + round_to_slot(length);
  if (ring->length <= room) return -kEMSGSIZE;                               // 12
  if (room >= free_in(receiver, *ring)) return wait_for(*ring, id, length);  // 13
  Account* const payer = account(id, destination.domain_id, destination.aport);
  if (payer != nullptr && !solvent(*payer, now)) {
    ++self.counters.held;
    return -kEAGAIN;
  }

  // All parts before any byte: what is not delivered is not paid for, so none of it is copied either.
  std::array<std::span<const std::byte>, XEN_ARGO_MAXIOV> parts;
  for (std::uint64_t i = 0; i < message.count; ++i) {
    const auto part = message.memory.at(message.vectors[i].iov_hnd, message.vectors[i].iov_len);
    if (!part) return -kEFAULT;  // 14
    parts[i] = *part;
  }

  const RingMemory body(receiver.window, ring->pages, ring->length);
  const wire::MessageHeader header{kSlot + length, message.address.src, message.type};
  std::uint32_t at = body.write(ring->tx, wire_bytes(header));
  for (const auto& part : std::span(parts).first(message.count)) at = body.write(at, part);
  ring->tx = (ring->tx + room) % ring->length;
  body.publish(kTxAt, ring->tx);  // partner: the receiver's observe of tx_ptr
  if (payer != nullptr) {
    payer->bytes.spend(room, payer->budget.bytes_per_second, now);
    payer->messages.spend(1, payer->budget.messages_per_second, now);
  }
  return static_cast<std::int32_t>(length);
}

std::uint32_t Xen::free_in(const Domain& owner, const Ring& ring) {
  std::uint32_t rx = round_to_slot(RingMemory(owner.window, ring.pages, ring.length).load(kRxAt));
  if (rx >= ring.length) rx = 0;
  return rx == ring.tx ? ring.length : rx > ring.tx ? rx - ring.tx : rx + ring.length - ring.tx;
}

std::int32_t Xen::wait_for(Ring& ring, DomainId domain, std::uint32_t bytes) {
  const auto it = std::find_if(ring.waiters.begin(), ring.waiters.end(),
                               [&](const Waiter& waiter) { return waiter.domain == domain; });
  if (it != ring.waiters.end()) {
    it->bytes = std::max(it->bytes, bytes);
  } else if (ring.waiters.size() < kMaxWaiters) {
    ring.waiters.push_back({domain, bytes});
  } else {
    return -kEBUSY;
  }
  return -kEAGAIN;
}

}  // namespace hawser::argo::broker
