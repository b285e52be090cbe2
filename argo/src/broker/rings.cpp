// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// register_ring and unregister_ring. The numbered steps are the order in which Xen checks.
#include <hawser/argo/broker/xen.hpp>

#include "memory.hpp"
#include "words.hpp"

namespace hawser::argo::broker {
namespace {

constexpr std::uint64_t pages_for(std::uint32_t length) {
  return (std::uint64_t{round_to_slot(length)} + kRingHeaderBytes + kPageBytes - 1) / kPageBytes;
}

/// Where the producer goes on: where the guest's header says if that can be, else where its consumer stands.
std::uint32_t adopted_tx(const RingMemory& memory, std::uint32_t length) {
  const std::uint32_t tx = memory.load(kTxAt);
  if (tx < length && tx % kSlot == 0) return tx;
  const std::uint32_t rx = round_to_slot(memory.load(kRxAt));
  return rx < length ? rx : 0;
}

}  // namespace

std::int32_t Xen::register_ring(DomainId id, Domain& self, const Memory& memory, const Call& call) {
  const std::uint64_t page_count = call.arg3, flags = call.arg4;
  if (page_count > kMaxRingPages) return -kEINVAL;                                        // 1
  if ((flags & ~std::uint64_t{XEN_ARGO_REGISTER_FLAG_FAIL_EXIST}) != 0) return -kEINVAL;  // 3
  const auto words = memory.read<wire::RegisterRing>(call.arg1);
  if (!words) return -kEFAULT;  // 4
  const std::uint32_t length = words->len;
  const DomainId partner = words->partner_id;
  if (length < kMinRingLength || length > XEN_ARGO_MAX_RING_SIZE || length % kSlot != 0 ||
      pages_for(length) != page_count || words->pad != 0) {
    return -kEINVAL;  // 5
  }
  Domain* sender = nullptr;
  if (partner == kAnyDomain) {
    if (!options_.mac_permissive) return -kEPERM;  // 6, and 7: whoever sends is looked at then
  } else {
    sender = find(partner);
    if (sender == nullptr) return -kESRCH;  // 8
    if (!permitted(partner, id, words->aport)) {
      refuse(self, Wish::kRing, partner, id, words->aport);
      return -kEPERM;  // 9
    }
  }
  if (!self.argo) return -kENODEV;  // 10
  if (sender != nullptr && !sender->argo) return -kECONNREFUSED;
  if (self.ring_count >= kMaxRings) return -kENOSPC;  // 11
  const RingKey key(words->aport, partner);
  const auto old = self.rings.find(key);
  const bool exists = old != self.rings.end();
  if (exists && ((flags & XEN_ARGO_REGISTER_FLAG_FAIL_EXIST) != 0 || old->second.length != length))
    return -kEEXIST;  // 12, 13

  std::vector<std::uint32_t> pages;
  std::int32_t failed = 0;
  const auto frames = memory.at(call.arg2, page_count * sizeof(le64));
  if (!frames) failed = -kEFAULT;  // 14
  for (std::uint64_t i = 0; failed == 0 && i < page_count; ++i) {
    const std::uint64_t number = copy_once<le64>(frames->data() + i * sizeof(le64));
    if (number == 0 || number >= self.window.size() / kPageBytes) failed = -kEINVAL;  // 15
    pages.push_back(static_cast<std::uint32_t>(number));
  }
  if (failed != 0) {
    // Xen has let go of the old ring's pages by now. It does not count one ring less.
    if (exists && options_.quirks.ring_count_leak) self.rings.erase(old);
    return failed;
  }

  Ring& ring = self.rings[key];
  ring.length = length;
  ring.pages = std::move(pages);
  const RingMemory body(self.window, ring.pages, length);
  ring.tx = adopted_tx(body, length);
  body.publish(kTxAt, ring.tx);
  if (!exists || options_.quirks.ring_count_leak) ++self.ring_count;
  return 0;
}

std::int32_t Xen::unregister_ring(Domain& self, const Memory& memory, const Call& call) {
  if (call.arg2 != 0 || call.arg3 != 0 || call.arg4 != 0) return -kEINVAL;
  const auto words = memory.read<wire::UnregisterRing>(call.arg1);
  if (!words) return -kEFAULT;
  if (words->pad != 0) return -kEINVAL;
  if (!self.argo) return -kENODEV;
  const auto ring = self.rings.find({words->aport, words->partner_id});
  if (ring == self.rings.end()) return -kENOENT;
  self.rings.erase(ring);  // and who waited for room in it is not told
  --self.ring_count;
  return 0;
}

}  // namespace hawser::argo::broker
