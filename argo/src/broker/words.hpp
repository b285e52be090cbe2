// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Limits that Xen keeps for itself, its results by their usual names, and the arithmetic of rings.
#pragma once

#include <hawser/argo/error.hpp>
#include <hawser/argo/spec.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::argo::broker {

inline constexpr std::uint32_t kSlot = XEN_ARGO_MSG_SLOT_SIZE;
inline constexpr std::uint32_t kRxAt = offsetof(wire::RingHeader, rx_ptr),
                               kTxAt = offsetof(wire::RingHeader, tx_ptr);

// common/argo.c
inline constexpr std::uint64_t kMaxRingPages = 4096;
inline constexpr std::uint32_t kMaxRings = 128;
inline constexpr std::uint32_t kMaxEntries = 256;
inline constexpr std::size_t kMaxWaiters = 32;

enum Errno : std::int32_t {
  kEPERM = static_cast<std::int32_t>(Error::kNotPermitted),
  kENOENT = static_cast<std::int32_t>(Error::kNoSuchRing),
  kESRCH = static_cast<std::int32_t>(Error::kNoSuchDomain),
  kEAGAIN = static_cast<std::int32_t>(Error::kNoRoom),
  kEACCES = static_cast<std::int32_t>(Error::kRefused),
  kEFAULT = static_cast<std::int32_t>(Error::kBadAddress),
  kEBUSY = static_cast<std::int32_t>(Error::kTooManyWaiters),
  kEEXIST = static_cast<std::int32_t>(Error::kRingExists),
  kENODEV = static_cast<std::int32_t>(Error::kNoDomainState),
  kEINVAL = static_cast<std::int32_t>(Error::kBadArgument),
  kENOSPC = static_cast<std::int32_t>(Error::kTooManyRings),
  kEMSGSIZE = static_cast<std::int32_t>(Error::kTooLong),
  kEOPNOTSUPP = static_cast<std::int32_t>(Error::kSwitchedOff),
  kECONNREFUSED = static_cast<std::int32_t>(Error::kNobodyListens),
};

/// Payload that fits into `free` as one message.
constexpr std::uint32_t payload_room(std::uint32_t free) {
  return free > 2 * kSlot ? free - 2 * kSlot : 0;
}

}  // namespace hawser::argo::broker
