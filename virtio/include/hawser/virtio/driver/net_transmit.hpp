// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A transmit queue seen from the driver: frames copied into memory that the device sees (VIRTIO 1.3 §5.1.6.2).
#pragma once

#include <hawser/virtio/net_offload.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::virtio::driver {

enum class NetSendError : std::uint8_t {
  kFull,        ///< No room now, in the queue or in the arena.
  kMalformed,   ///< The header asks for what was not negotiated, or does not fit the frame.
  kTooLong,     ///< More than the device's MTU and no segmentation asked for, or more than kMaxFrame.
  kBroken,      ///< The device broke the queue; only resume() helps.
  kNotStarted,  ///< No such queue pair, or not (yet, or any more) in use.
};

template <Memory M, std::uint16_t kQueueSize>
class NetTransmitter {
 public:
  /// Queues one frame for the next publish(). The caller has checked the header.
  Result<void, NetSendError> add(AnyDriverQueue<M>& queue, Arena& arena, const NetHeader& header,
                                 std::span<const std::span<const std::byte>> parts, std::size_t bytes) {
    const auto total = static_cast<std::uint32_t>(sizeof(virtio_net_hdr) + bytes);
    // What the device has sent is looked for when room is needed, not before each frame: a look takes a cache line away
    // from the device that is writing to it.
    auto at = place(queue, arena, total);
    if (!at) {
      if (reclaim(queue, arena) == TakeError::kBroken) return Err{NetSendError::kBroken};
      at = place(queue, arena, total);
    }
    if (!at) return Err{NetSendError::kFull};
    const std::uint16_t slot = free_slot();
    const Segment segment{*at, total};
    const auto added = write(queue.memory(), *at, total, header, parts)
                           ? queue.try_add(std::span(&segment, 1), {}, Token{slot})
                           : Err{AddError::kFull};
    if (!added.ok()) {
      arena.release(*at, total);
      return Err{added.error() == AddError::kBroken ? NetSendError::kBroken : NetSendError::kFull};
    }
    frames_[slot] = segment;
    ++in_flight_;
    next_ = after(slot);
    return {};
  }

  /// Frees what the device has sent.
  TakeError reclaim(AnyDriverQueue<M>& queue, Arena& arena) {
    for (;;) {
      const auto reaped = queue.try_reap();
      if (!reaped.ok()) return reaped.error();
      Segment& frame =
          frames_[reaped->token.value];  // ours: the queue keeps tokens out of the device's reach
      arena.release(frame.at, frame.bytes);
      frame = {};
      --in_flight_;
    }
  }

  /// Drops everything in flight. Returns how many frames that were, without those that the device had sent by now.
  std::uint16_t release(AnyDriverQueue<M>& queue, Arena& arena) {
    (void)reclaim(queue, arena);
    std::uint16_t dropped = 0;
    for (Segment& frame : frames_) {
      if (frame.bytes == 0) continue;
      arena.release(frame.at, frame.bytes);
      frame = {};
      ++dropped;
    }
    in_flight_ = 0;
    return dropped;
  }

 private:
  /// Memory for a frame, if the queue has room for it as well.
  std::optional<Offset> place(const AnyDriverQueue<M>& queue, Arena& arena, std::uint32_t bytes) const {
    if (in_flight_ >= std::min(queue.size(), kQueueSize)) return std::nullopt;
    return arena.allocate(bytes);
  }

  static std::uint16_t after(std::uint16_t slot) {
    return static_cast<std::uint16_t>((slot + 1) % kQueueSize);
  }

  /// There is one. Devices send in order, as a rule, so it is the next.
  std::uint16_t free_slot() const {
    std::uint16_t slot = next_;
    while (frames_[slot].bytes != 0) slot = after(slot);
    return slot;
  }

  static bool write(const M& memory, Offset at, std::uint32_t total, const NetHeader& header,
                    std::span<const std::span<const std::byte>> parts) {
    auto area = memory.area(at, total, 1);
    if (!area.ok()) return false;
    const virtio_net_hdr wire = to_wire(header, 0);
    area->write(0, wire_bytes(wire));
    std::size_t done = sizeof(wire);
    for (const auto part : parts) {
      if (part.empty()) continue;
      area->write(done, part);
      done += part.size();
    }
    return true;
  }

  std::array<Segment, kQueueSize> frames_{};  ///< In flight; bytes 0: free.
  std::uint16_t in_flight_ = 0;
  std::uint16_t next_ = 0;  ///< Where a free one is likely.
};

}  // namespace hawser::virtio::driver
