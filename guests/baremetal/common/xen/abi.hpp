// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What Xen and a domain agree on, as far as a domain of ours uses it (Xen's public headers: xen.h, memory.h,
// event_channel.h, hvm/params.h). Argo's own structures are argo/'s.
#pragma once

#include <cstdint>

namespace hawser::guest::xen {

enum class Hypercall : unsigned {
  kMemory = 12,
  kConsole = 18,
  kScheduler = 29,
  kEventChannel = 32,
  kHvm = 34,
  kArgo = 39,
};

/// "Whoever calls", where a domain's number is wanted.
inline constexpr std::uint16_t kSelf = 0x7ff0;
/// Numbers from here on are no domain's.
inline constexpr std::uint16_t kFirstReserved = 0x7ff0;

// Results: 0 or more, or one of these (xen/errno.h, which are Linux's numbers).
inline constexpr std::int64_t kBusy = -16;
inline constexpr std::int64_t kExists = -17;
inline constexpr std::int64_t kNoDevice = -19;
inline constexpr std::int64_t kNoSuchCall = -38;
inline constexpr std::int64_t kNotSupported = -95;

/// XENMEM_add_to_physmap.
inline constexpr std::uint64_t kAddToPhysmap = 7;
inline constexpr std::uint32_t kSharedInfoSpace = 0;
struct AddToPhysmap {
  std::uint16_t domain = kSelf;
  std::uint16_t size = 0;
  std::uint32_t space = 0;
  std::uint64_t index = 0;
  std::uint64_t frame = 0;
};
static_assert(sizeof(AddToPhysmap) == 24);

/// EVTCHNOP_bind_virq.
inline constexpr std::uint64_t kBindVirq = 1;
inline constexpr std::uint32_t kVirqArgo = 11;
struct BindVirq {
  std::uint32_t virq = 0;
  std::uint32_t vcpu = 0;
  std::uint32_t port = 0;  ///< Out.
};
static_assert(sizeof(BindVirq) == 12);

/// EVTCHNOP_send, EVTCHNOP_unmask.
inline constexpr std::uint64_t kSendEvent = 4;
inline constexpr std::uint64_t kUnmaskEvent = 9;
struct EventPort {
  std::uint32_t port = 0;
};

/// EVTCHNOP_status.
inline constexpr std::uint64_t kEventStatus = 5;
inline constexpr std::uint32_t kConnectedToDomain = 2;
inline constexpr std::uint32_t kBoundToVirq = 4;
struct EventStatus {
  std::uint16_t domain = kSelf;
  std::uint16_t unused = 0;
  std::uint32_t port = 0;
  std::uint32_t status = 0;  ///< Out, like all that follows.
  std::uint32_t vcpu = 0;
  std::uint32_t what = 0;  ///< The peer's domain, or the virtual interrupt.
  std::uint32_t peer_port = 0;
};
static_assert(sizeof(EventStatus) == 24);

/// HVMOP_get_param.
inline constexpr std::uint64_t kGetHvmParam = 1;
struct HvmParam {
  std::uint16_t domain = kSelf;
  std::uint16_t unused = 0;
  std::uint32_t index = 0;
  std::uint64_t value = 0;
};
static_assert(sizeof(HvmParam) == 16);

}  // namespace hawser::guest::xen
