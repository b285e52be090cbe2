// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Xen's Argo interface (xen/argo.h, xen/xen.h) as this project declares it, so that guests are built without Xen's
// headers. tests/unit/argo/spec_test.cpp compares every size, offset and constant with those headers.
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::argo {

inline constexpr std::uint32_t XEN_HYPERCALL_ARGO_OP = 39;  // __HYPERVISOR_argo_op
inline constexpr std::uint32_t XEN_VIRQ_ARGO = 11;
inline constexpr std::uint16_t XEN_ARGO_DOMID_ANY = 0x7ff4;
inline constexpr std::size_t XEN_ARGO_MAXIOV = 8;
inline constexpr std::uint32_t XEN_ARGO_MSG_SLOT_SIZE = 16;
inline constexpr std::uint32_t XEN_ARGO_MAX_RING_SIZE = 0x1000000;
inline constexpr std::uint32_t XEN_ARGO_REGISTER_FLAG_FAIL_EXIST = 1;

inline constexpr std::uint16_t XEN_ARGO_RING_EXISTS = 1;
inline constexpr std::uint16_t XEN_ARGO_RING_SHARED = 2;
inline constexpr std::uint16_t XEN_ARGO_RING_EMPTY = 4;
inline constexpr std::uint16_t XEN_ARGO_RING_SUFFICIENT = 8;
inline constexpr std::uint16_t XEN_ARGO_RING_EMSGSIZE = 16;
inline constexpr std::uint16_t XEN_ARGO_RING_EBUSY = 32;

namespace wire {

struct Address {  // xen_argo_addr
  le32 aport;
  le16 domain_id;
  le16 pad;
};
static_assert(sizeof(Address) == 8 && offsetof(Address, domain_id) == 4);

struct SendAddress {  // xen_argo_send_addr
  Address src;
  Address dst;
};
static_assert(sizeof(SendAddress) == 16);

struct Iov {  // xen_argo_iov
  le64 iov_hnd;
  le32 iov_len;
  le32 pad;
};
static_assert(sizeof(Iov) == 16 && offsetof(Iov, iov_len) == 8);

struct RegisterRing {  // xen_argo_register_ring
  le32 aport;
  le16 partner_id;
  le16 pad;
  le32 len;
};
static_assert(sizeof(RegisterRing) == 12 && offsetof(RegisterRing, len) == 8);

struct UnregisterRing {  // xen_argo_unregister_ring
  le32 aport;
  le16 partner_id;
  le16 pad;
};
static_assert(sizeof(UnregisterRing) == 8);

struct RingHeader {  // xen_argo_ring, in front of the ring's bytes
  le32 rx_ptr;
  le32 tx_ptr;
  std::uint8_t reserved[56];
};
static_assert(sizeof(RingHeader) == 64 && offsetof(RingHeader, tx_ptr) == 4);

struct MessageHeader {  // xen_argo_ring_message_header; len includes these 16 bytes
  le32 len;
  Address source;
  le32 message_type;
};
static_assert(sizeof(MessageHeader) == 16 && offsetof(MessageHeader, message_type) == 12);

struct RingDataEntry {  // xen_argo_ring_data_ent
  Address ring;
  le16 flags;
  le16 pad;
  le32 space_required;
  le32 max_message_size;
};
static_assert(sizeof(RingDataEntry) == 20 && offsetof(RingDataEntry, max_message_size) == 16);

struct RingData {  // xen_argo_ring_data with one entry
  le32 nent;
  le32 pad;
  RingDataEntry data;
};
static_assert(sizeof(RingData) == 28 && offsetof(RingData, data) == 8);

}  // namespace wire

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::uint32_t kRingHeaderBytes = sizeof(wire::RingHeader);

/// The longest ring that Xen registers: one more slot would take a page more than it allows.
inline constexpr std::uint32_t kMaxRingLength = XEN_ARGO_MAX_RING_SIZE - kRingHeaderBytes;

/// The shortest: a header, one slot of payload, and the slot that always stays free.
inline constexpr std::uint32_t kMinRingLength = 48;

/// Up to whole slots.
constexpr std::uint32_t round_to_slot(std::uint32_t bytes) {
  return (bytes + XEN_ARGO_MSG_SLOT_SIZE - 1) & ~(XEN_ARGO_MSG_SLOT_SIZE - 1);
}

/// What a message of that much payload takes up in a ring.
constexpr std::uint32_t ring_cost(std::uint32_t payload) {
  return static_cast<std::uint32_t>(sizeof(wire::MessageHeader)) + round_to_slot(payload);
}

}  // namespace hawser::argo
