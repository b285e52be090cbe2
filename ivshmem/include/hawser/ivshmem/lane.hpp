// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One direction of a message queue: fixed slots, a producer index, a consumer index, each written by one side.
// Both AMP layouts are this mechanism with the words in other places, so there is one implementation.
#pragma once

#include <hawser/ivshmem/layout.hpp>

#include <hawser/transport/link.hpp>
#include <hawser/transport/memory.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::ivshmem {

/// An index in shared memory: 16 bits in layout B, 32 in layout A.
class IndexWord {
 public:
  IndexWord() = default;
  IndexWord(RegionMemory::Area area, bool wide) : area_(area), wide_(wide) {}

  std::uint32_t observe() const {
    return wide_ ? area_.observe<std::uint32_t>(0) : area_.observe<std::uint16_t>(0);
  }
  void publish(std::uint32_t value) const {
    if (wide_) {
      area_.publish<std::uint32_t>(0, value);
    } else {
      area_.publish<std::uint16_t>(0, static_cast<std::uint16_t>(value));
    }
  }

 private:
  RegionMemory::Area area_;
  bool wide_ = false;
};

/// Where a lane lies. Every area has passed the door.
struct LanePlace {
  IndexWord produced;
  IndexWord consumed;
  RegionMemory::Area slots;
  std::uint32_t capacity = 0;  ///< One slot always stays empty.
  std::uint32_t slot_bytes = 0;
};

/// The sending side. Its own position is private; of the peer only the consumer index is read, and checked.
class SendLane {
 public:
  SendLane() = default;
  explicit SendLane(LanePlace place) : place_(place) { place_.produced.publish(0); }

  /// True when the peer's index was impossible.
  bool broken() const { return broken_; }
  std::size_t mtu() const { return place_.slot_bytes; }

  Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts) {
    std::size_t bytes = 0;
    for (auto part : parts) {
      if (part.size() > place_.slot_bytes - bytes) return Err{SendError::kTooBig};
      bytes += part.size();
    }
    const std::uint32_t after = next_ + 1 == place_.capacity ? 0 : next_ + 1;
    // Partner: the publish of the consumer index in ReceiveLane: the slot is free again once we see it.
    std::uint32_t consumed = place_.consumed.observe();
    if (after == consumed) {
      // Before we count on being rung: partner is the fence in ReceiveLane::try_receive. Either we see the room that it
      // made, or it sees that the lane was full.
      full_fence_before_recheck();
      consumed = place_.consumed.observe();
    }
    if (consumed >= place_.capacity) {
      broken_ = true;
      return Err{SendError::kRefused};
    }
    if (after == consumed) return Err{SendError::kFull};

    std::size_t at = std::size_t{next_} * place_.slot_bytes;
    for (auto part : parts) {
      place_.slots.write(at, part);
      at += part.size();
    }
    constexpr std::array<std::byte, 64> kZeros{};
    for (std::size_t left = place_.slot_bytes - bytes; left != 0;) {
      const std::size_t now = left < kZeros.size() ? left : kZeros.size();
      place_.slots.write(at, std::span(kZeros).first(now));
      at += now;
      left -= now;
    }
    next_ = after;
    place_.produced.publish(next_);  // Partner: the observe of the producer index in ReceiveLane.
    return {};
  }

 private:
  LanePlace place_;
  std::uint32_t next_ = 0;
  bool broken_ = false;
};

/// The receiving side.
class ReceiveLane {
 public:
  ReceiveLane() = default;
  explicit ReceiveLane(LanePlace place) : place_(place) { place_.consumed.publish(0); }

  bool broken() const { return broken_; }

  Result<std::size_t, ReceiveError> try_receive(std::span<std::byte> to) {
    const std::uint32_t produced = place_.produced.observe();  // Partner: the publish in SendLane::try_send.
    if (produced >= place_.capacity) {
      broken_ = true;
      return Err{ReceiveError::kDown};
    }
    if (produced == next_) return Err{ReceiveError::kEmpty};
    if (to.size() < place_.slot_bytes) return Err{ReceiveError::kTooSmall};
    place_.slots.read(std::size_t{next_} * place_.slot_bytes, to.first(place_.slot_bytes));
    const std::uint32_t freed = next_;
    next_ = next_ + 1 == place_.capacity ? 0 : next_ + 1;
    place_.consumed.publish(next_);  // Partner: the observe of the consumer index in SendLane::try_send.
    full_fence_before_recheck();     // Partner: the fence in SendLane::try_send.
    const std::uint32_t now = place_.produced.observe();
    made_room_ = (now + 1 == place_.capacity ? 0 : now + 1) == freed;
    return std::size_t{place_.slot_bytes};
  }

  /// The last message received freed a slot of a lane that was full: its sender may be waiting to be rung.
  bool made_room() const { return made_room_; }

 private:
  LanePlace place_;
  std::uint32_t next_ = 0;
  bool broken_ = false;
  bool made_room_ = false;
};

}  // namespace hawser::ivshmem
