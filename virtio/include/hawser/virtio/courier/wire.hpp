// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What couriers write into parcels. docs/wire/argo-bus.md, "Parcels", is the text of it.
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio::courier {

enum class Kind : std::uint8_t {
  kLimits = 1,  ///< Device to driver, once, first: what the device side has room for. Limits follows.
  kRequests =
      2,  ///< Driver to device: chains, or one piece of one. Entries follow, then the bytes they carry.
  kCompletions = 3,  ///< Device to driver: the same, back.
};

inline constexpr std::uint8_t kVersion = 1;

namespace wire {

struct ParcelHeader {
  std::uint8_t kind;
  std::uint8_t version;
  le16 count;    ///< Entries that follow.
  le32 control;  ///< Control messages that the sender had sent in this epoch when it wrote this.
};
static_assert(sizeof(ParcelHeader) == 8 && offsetof(ParcelHeader, control) == 4);

/// One chain, or a piece of one: `bytes` of its `length` bytes, those from `at` on. The pieces of a chain come in order,
/// with nothing else of its queue between them.
struct Entry {
  le16 device;
  le16 queue;
  le16 chain;     ///< The driver side's name for it, returned with the completion.
  le16 reserved;  ///< 0.
  le32 length;    ///< Request: readable bytes of the chain. Completion: bytes that the device wrote.
  le32 writable;  ///< Request: bytes that the device may write. Completion: 0.
  le32 at;
  le32 bytes;
};
static_assert(sizeof(Entry) == 24 && offsetof(Entry, length) == 8 && offsetof(Entry, bytes) == 20);

struct Limits {
  le32 max_chain;  ///< Most readable, and most writable, bytes of one chain.
  le16 max_size;   ///< Largest queue.
  le16 reserved;   ///< 0.
};
static_assert(sizeof(Limits) == 8);

}  // namespace wire

/// Entries in one parcel, at most.
inline constexpr unsigned kMaxEntries = 64;

}  // namespace hawser::virtio::courier
