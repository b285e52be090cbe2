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
#include <utility>

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
    const std::uint16_t most = std::min(queue.size(), kQueueSize);
    bool looked = false;
    if (in_flight_ >= most) {
      if (reclaim(queue) == TakeError::kBroken) return Err{NetSendError::kBroken};
      if (in_flight_ >= most) return Err{NetSendError::kFull};
      looked = true;
    }
    const std::uint16_t at = free_slot(most);
    Slot& slot = slots_[at];
    if (!slot.suits(total) && !give_memory(slot, arena, total)) {
      if (!looked && reclaim(queue) == TakeError::kBroken) return Err{NetSendError::kBroken};
      release_idle(arena);
      if (!give_memory(slot, arena, total)) return Err{NetSendError::kFull};
    }
    if (!write(queue.memory(), slot.at, total, header, parts)) return Err{NetSendError::kFull};
    fetch(queue.memory(), slots_[ahead(at, most)]);
    const Segment segment{slot.at, total};
    if (const auto added = queue.try_add(std::span(&segment, 1), {}, Token{at}); !added.ok())
      return Err{added.error() == AddError::kBroken ? NetSendError::kBroken : NetSendError::kFull};
    slot.in_flight = true;
    ++in_flight_;
    next_ = after(at, most);
    return {};
  }

  bool in_flight() const { return in_flight_ != 0; }

  /// Gives up the memory of frames that the device has sent.
  void release_sent(AnyDriverQueue<M>& queue, Arena& arena) {
    (void)reclaim(queue);
    release_idle(arena);
  }

  /// Drops everything in flight; its memory stays until release(). Returns how many frames that were, without those that
  /// the device had sent by now.
  std::uint16_t drop(AnyDriverQueue<M>& queue) {
    (void)reclaim(queue);
    return std::exchange(in_flight_, std::uint16_t{0});
  }

  /// Gives up all memory: the device has none of it any more.
  void release(Arena& arena) {
    for (Slot& slot : slots_) slot.in_flight = false;
    release_idle(arena);
    in_flight_ = 0;
    next_ = 0;
  }

 private:
  static constexpr std::uint16_t kAhead = 8;
  static constexpr std::size_t kLinesAhead = 2;

  /// A frame's place. Its memory stays with it for the next: devices send in order, as a rule, and traffic repeats itself.
  struct Slot {
    Offset at;
    std::uint32_t room = 0;  ///< 0: no memory.
    bool in_flight = false;

    /// Not more than that much is kept for a frame that needs less.
    static constexpr std::uint32_t kWaste = 2048;
    bool suits(std::uint32_t bytes) const { return room >= bytes && room - bytes <= kWaste; }
  };

  /// Takes back what the device has sent.
  TakeError reclaim(AnyDriverQueue<M>& queue) {
    for (;;) {
      const auto reaped = queue.try_reap();
      if (!reaped.ok()) return reaped.error();
      slots_[reaped->token.value].in_flight = false;  // the queue keeps tokens out of the device's reach
      --in_flight_;
    }
  }

  static bool give_memory(Slot& slot, Arena& arena, std::uint32_t bytes) {
    release(slot, arena);
    const auto room = static_cast<std::uint32_t>((bytes + Arena::kUnit - 1) / Arena::kUnit * Arena::kUnit);
    const std::optional<Offset> at = arena.allocate(room);
    if (at) {
      slot.at = *at;
      slot.room = room;
    }
    return at.has_value();
  }
  static void release(Slot& slot, Arena& arena) {
    if (slot.room != 0) arena.release(slot.at, slot.room);
    slot.room = 0;
  }
  void release_idle(Arena& arena) {
    for (Slot& slot : slots_) {
      if (!slot.in_flight) release(slot, arena);
    }
  }

  static std::uint16_t after(std::uint16_t slot, std::uint16_t most) {
    return static_cast<std::uint16_t>(slot + 1 < most ? slot + 1 : 0);
  }

  /// There is one of `most`. Devices send in order, as a rule, so it is the next.
  std::uint16_t free_slot(std::uint16_t most) const {
    std::uint16_t slot = next_;
    while (slots_[slot].in_flight) slot = after(slot, most);
    return slot;
  }

  /// A few frames from now. The device has read what lay there, so its lines have to come back.
  static std::uint16_t ahead(std::uint16_t slot, std::uint16_t most) {
    const auto to = static_cast<std::uint16_t>(slot + kAhead);
    return to < most ? to : std::uint16_t{0};
  }
  static void fetch(const M& memory, const Slot& slot) {
    if constexpr (LendableMemory<M>) {
      if (slot.in_flight || slot.room == 0) return;
      if (const auto area = memory.area(slot.at, slot.room, 1); area.ok())
        prefetch_to_write(area->bytes(), kLinesAhead);
    }
  }

  static bool write(const M& memory, Offset at, std::uint32_t total, const NetHeader& header,
                    std::span<const std::span<const std::byte>> parts) {
    auto area = memory.area(at, total, 1);
    if (!area.ok()) return false;
    static constexpr virtio_net_hdr kPlain{};
    if (plain(header)) {
      area->write(0, wire_bytes(kPlain));
    } else {
      const virtio_net_hdr wire = to_wire(header, 0);
      area->write(0, wire_bytes(wire));
    }
    std::size_t done = sizeof(kPlain);
    for (const auto part : parts) {
      if (part.empty()) continue;
      area->write(done, part);
      done += part.size();
    }
    return true;
  }

  std::array<Slot, kQueueSize> slots_{};
  std::uint16_t in_flight_ = 0;
  std::uint16_t next_ = 0;  ///< Where a free one is likely.
};

}  // namespace hawser::virtio::driver
