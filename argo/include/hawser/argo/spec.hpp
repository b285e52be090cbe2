// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Xen's Argo interface (xen/argo.h, xen/xen.h) under its C++ names, so that guests are built without Xen's headers. What
// it is stands in wire.h, which C reads as well; tests/unit/argo/spec_test.cpp compares every size, offset and constant
// with Xen's headers.
#pragma once

#include <hawser/argo/wire.h>

#include <cstddef>
#include <cstdint>

namespace hawser::argo {

namespace wire {

using Address = hawser_argo_address;
using SendAddress = hawser_argo_send_address;
using Iov = hawser_argo_iov;
using RegisterRing = hawser_argo_register_ring;
using UnregisterRing = hawser_argo_unregister_ring;
using RingHeader = hawser_argo_ring_header;
using MessageHeader = hawser_argo_message_header;
using RingDataEntry = hawser_argo_ring_data_entry;
using RingData = hawser_argo_ring_data;

}  // namespace wire

inline constexpr std::size_t kPageBytes = HAWSER_ARGO_PAGE_BYTES;
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
