// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What hypercalls carry, as bytes (xen/argo.h), and the arithmetic of rings.
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstdint>

namespace hawser::argo::broker {

struct AddressWords {
  le32 port;
  le16 domain;
  le16 pad;
};
struct SendAddressWords {
  AddressWords source, destination;
};
struct VectorWords {
  le64 base;
  le32 length;
  le32 pad;
};
struct RegisterWords {
  le32 port;
  le16 partner;
  le16 pad;
  le32 length;
};
struct UnregisterWords {
  le32 port;
  le16 partner;
  le16 pad;
};
struct HeaderWords {
  le32 length;
  AddressWords source;
  le32 type;
};
struct RingDataWords {
  le32 count;
  le32 pad;
};
struct RingDataEntryWords {
  AddressWords ring;
  le16 flags;
  le16 pad;
  le32 space_required;
  le32 max_message;
};
static_assert(sizeof(SendAddressWords) == 16 && sizeof(VectorWords) == 16 && sizeof(RegisterWords) == 12);
static_assert(sizeof(UnregisterWords) == 8 && sizeof(HeaderWords) == 16 && sizeof(RingDataWords) == 8);
static_assert(sizeof(RingDataEntryWords) == 20);

inline constexpr std::uint32_t kSlot = 16;  // and the size of a header
inline constexpr std::uint32_t kRxAt = 0, kTxAt = 4, kRingHeader = 64;
inline constexpr std::uint32_t kMaxRingBytes = 16u << 20;
inline constexpr std::uint32_t kMinRingBytes = 48;  // a header, one slot of payload, one that stays free
inline constexpr std::uint64_t kMaxRingPages = 4096;
inline constexpr std::uint32_t kMaxRings = 128;
inline constexpr std::uint32_t kMaxEntries = 256;
inline constexpr std::size_t kMaxWaiters = 32;
inline constexpr std::uint64_t kMaxVectors = 8;
inline constexpr std::uint64_t kFailExist = 1;

enum Flag : std::uint16_t {
  kExists = 1,
  kShared = 2,
  kEmpty = 4,
  kSufficient = 8,
  kTooLong = 0x10,
  kBusy = 0x20,
};

/// Xen's errno values, which are Linux's.
enum Errno : std::int32_t {
  kEPERM = 1,
  kENOENT = 2,
  kESRCH = 3,
  kEAGAIN = 11,
  kEACCES = 13,
  kEFAULT = 14,
  kEBUSY = 16,
  kEEXIST = 17,
  kENODEV = 19,
  kEINVAL = 22,
  kENOSPC = 28,
  kEMSGSIZE = 90,
  kEOPNOTSUPP = 95,
  kECONNREFUSED = 111,
};

/// Wraps to 0 above 2^32 - 16, which every user then takes for the start of the ring.
constexpr std::uint32_t round_up(std::uint32_t bytes) {
  return (bytes + kSlot - 1) & ~(kSlot - 1);
}

/// Bytes between the producer and the consumer, one slot of which is never used.
constexpr std::uint32_t free_bytes(std::uint32_t rx, std::uint32_t tx, std::uint32_t length) {
  return rx == tx ? length : rx > tx ? rx - tx : rx + length - tx;
}

/// Payload that fits into `free` as one message.
constexpr std::uint32_t payload_room(std::uint32_t free) {
  return free > 2 * kSlot ? free - 2 * kSlot : 0;
}

}  // namespace hawser::argo::broker
