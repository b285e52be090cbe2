// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What couriers write into parcels under its C++ names. What it is stands in wire.h, which C reads as well.
#pragma once

#include <hawser/virtio/courier/wire.h>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio::courier {

enum class Kind : std::uint8_t {
  kLimits = HAWSER_COURIER_LIMITS,      ///< What the device side has room for. Limits follows.
  kRequests = HAWSER_COURIER_REQUESTS,  ///< Chains, or one piece of one. Entries follow, then their bytes.
  kCompletions = HAWSER_COURIER_COMPLETIONS,  ///< The same, back.
};

inline constexpr std::uint8_t kVersion = HAWSER_COURIER_VERSION;

namespace wire {

using ParcelHeader = hawser_courier_header;
using Entry = hawser_courier_entry;
using Limits = hawser_courier_limits;

}  // namespace wire

/// Entries in one parcel, at most.
inline constexpr unsigned kMaxEntries = HAWSER_COURIER_MAX_ENTRIES;

}  // namespace hawser::virtio::courier
