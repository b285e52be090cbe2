// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the block driver remembers in private memory: requests as they were submitted, and the parts of them that
// the device has. After a device died, this is all there is, and enough to do everything again.
#pragma once

#include <hawser/virtio/driver/blk_types.hpp>
#include <hawser/virtio/queue/any.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::driver {

inline constexpr std::uint32_t kNoSlot = UINT32_MAX;

/// One submitted request.
struct BlkOperation {
  enum class State : std::uint8_t {
    kFree,
    kLive,
    kDone,  ///< Not taken yet.
  };

  BlkRequest request{};
  std::uint64_t sequence = 0;
  std::uint64_t issued = 0;  ///< Bytes that parts were made of.
  std::uint32_t parts = 0;   ///< That the device has.
  std::uint32_t next = kNoSlot;
  std::uint32_t round = 0;
  Segment abandoned{};  ///< A buffer to release at the end, because nobody waits for it any more.
  std::optional<BlkError> error{};
  State state = State::kFree;
  bool listed = false;     ///< Among those that are not completely issued.
  bool forgotten = false;  ///< Nobody will take the result.
};

/// One chain in a queue.
struct BlkPart {
  std::uint32_t operation = kNoSlot;  ///< kNoSlot: free.
  std::uint32_t next = kNoSlot;       ///< In the free list.
  std::uint32_t bytes = 0;            ///< That the device has to write.
};

/// First in, first out, through the `next` of what is listed.
class BlkList {
 public:
  bool empty() const { return first_ == kNoSlot; }
  std::uint32_t first() const { return first_; }

  void append(std::span<BlkOperation> table, std::uint32_t slot) {
    table[slot].next = kNoSlot;
    (first_ == kNoSlot ? first_ : table[last_].next) = slot;
    last_ = slot;
  }

  /// Nothing happens when it is not listed.
  void remove(std::span<BlkOperation> table, std::uint32_t slot) {
    std::uint32_t before = kNoSlot;
    for (std::uint32_t at = first_; at != kNoSlot; before = at, at = table[at].next) {
      if (at != slot) continue;
      (before == kNoSlot ? first_ : table[before].next) = table[slot].next;
      if (last_ == slot) last_ = before;
      return;
    }
  }

 private:
  std::uint32_t first_ = kNoSlot;
  std::uint32_t last_ = kNoSlot;
};

template <Memory M>
struct BlkLane {
  AnyDriverQueue<M> queue;
  bool unpublished = false;
};

template <Memory M>
struct BlkStorage {
  std::span<BlkOperation> operations;
  std::span<BlkPart> parts;
  std::span<BlkLane<M>> lanes;
  std::span<DriverSlot> slots;  ///< Shared out evenly to the lanes.
};

/// Room for `kOperations` requests, of which up to `kParts` pieces are with the device at a time, in up to `kQueues`
/// queues of up to `kQueueSize` descriptors.
template <Memory M, std::size_t kOperations = 64, std::size_t kParts = 64, std::size_t kQueues = 1,
          std::size_t kQueueSize = 128>
struct BlkRoom {
  std::array<BlkOperation, kOperations> operations{};
  std::array<BlkPart, kParts> parts{};
  std::array<BlkLane<M>, kQueues> lanes{};
  std::array<DriverSlot, kQueues * kQueueSize> slots{};

  operator BlkStorage<M>() { return {operations, parts, lanes, slots}; }
};

}  // namespace hawser::virtio::driver
