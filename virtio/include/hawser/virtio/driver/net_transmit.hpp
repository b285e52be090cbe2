// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A transmit queue seen from the driver: frames copied into memory that the device sees (VIRTIO 1.3 §5.1.6.2).
#pragma once

#include <hawser/virtio/net_offload.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
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
    if (reclaim(queue, arena) == TakeError::kBroken) return Err{NetSendError::kBroken};
    const std::uint16_t slot = free_slot();
    if (slot == kNone) return Err{NetSendError::kFull};
    const auto total = static_cast<std::uint32_t>(sizeof(virtio_net_hdr) + bytes);
    const auto at = arena.allocate(total);
    if (!at) return Err{NetSendError::kFull};
    if (!write(queue.memory(), *at, total, header, parts)) {
      arena.release(*at, total);
      return Err{NetSendError::kFull};
    }
    const Segment segment{*at, total};
    const auto added = queue.try_add(std::span(&segment, 1), {}, Token{slot});
    if (!added.ok()) {
      arena.release(*at, total);
      return Err{added.error() == AddError::kBroken ? NetSendError::kBroken : NetSendError::kFull};
    }
    frames_[slot] = segment;
    ++in_flight_;
    next_ = static_cast<std::uint16_t>(slot + 1);
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

  /// Drops everything in flight. Returns how many frames that were.
  std::uint16_t release(Arena& arena) {
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
  static constexpr std::uint16_t kNone = UINT16_MAX;

  std::uint16_t free_slot() const {
    if (in_flight_ == kQueueSize) return kNone;
    for (std::uint16_t n = 0; n < kQueueSize; ++n) {
      const auto slot = static_cast<std::uint16_t>((next_ + n) % kQueueSize);
      if (frames_[slot].bytes == 0) return slot;
    }
    return kNone;
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
