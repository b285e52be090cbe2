// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One ring of the device side: the local driver's half of it, its memory in the courier's arena, and the chains that are on
// their way into it, in it, or on their way back.
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>
#include <hawser/virtio/queue/layout.hpp>

#include <hawser/transport/memory.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::courier {

/// A place of a queue table (queue_table.hpp). `kQueueSize`: the largest queue.
template <std::uint16_t kQueueSize>
struct DeviceRing {
  static constexpr std::uint16_t kNone = 0xffff;
  static constexpr std::uint16_t kTableEntries = 4;  ///< Readable in at most two places, writable in one.

  enum class State : std::uint8_t {
    kFree,
    kArriving,  ///< Some of its readable bytes are still to come.
    kWaiting,   ///< Complete, but the ring or the arena has no room yet.
    kInRing,    ///< The device has it, or what it wrote is being sent.
  };

  struct Held {
    State state = State::kFree;
    std::uint16_t chain = 0;       ///< The peer's name for it.
    std::uint16_t parcel = kNone;  ///< In which its readable bytes lie; kNone: in the arena.
    std::uint16_t next = kNone;    ///< In the free list or the line of those that wait.
    std::uint32_t readable = 0;
    std::uint32_t writable = 0;
    std::uint32_t arrived = 0;
    std::uint32_t written = 0;
    std::array<Segment, 2> pieces{};  ///< Readable bytes.
    Offset written_at;                ///< Of the writable bytes.
    bool assembled = false;           ///< pieces[0] lies in the arena.
    bool placed = false;
  };

  bool known = false;
  bool live = false;
  bool armed = false;  ///< The device rings for the next completion.
  std::uint16_t device = 0;
  std::uint16_t index = 0;
  std::uint16_t free = kNone;
  std::uint16_t first_waiting = kNone;
  std::uint16_t last_waiting = kNone;
  std::uint16_t arriving = kNone;
  std::uint16_t placed = 0;  ///< Chains in the ring, or on their way back.
  std::uint32_t since = 0;   ///< Control messages received when it began; a chain from before is not for it.
  QueueLayout layout;
  std::uint64_t bytes = 0;  ///< Of the arena, from the descriptors on: all areas, and the indirect tables.
  std::uint64_t used = 0;   ///< Bytes of the arena that its chains hold.
  AnyDriverQueue<RegionMemory> half;
  std::array<DriverSlot, kQueueSize> slots{};
  std::array<Held, kQueueSize> held{};

  /// Makes a ring of `layout.size` in the arena. `control`: control messages received so far. False: no queue has that
  /// size, or there is no room; nothing is held then.
  bool make(const RegionMemory& region, Arena& arena, const Features& features, std::uint32_t control) {
    const std::uint16_t size = layout.size;
    if (size == 0 || size > kQueueSize) return false;
    const RingShape shape = ring_bytes(ring_format(features), size);
    const std::uint16_t entries = features.has(VIRTIO_F_INDIRECT_DESC) ? kTableEntries : 0;
    const auto whole = [](std::uint64_t n) { return (n + Arena::kUnit - 1) / Arena::kUnit * Arena::kUnit; };
    const std::uint64_t driver = whole(shape.descriptors.bytes);
    const std::uint64_t written = driver + whole(shape.driver.bytes);
    const std::uint64_t tables = written + whole(shape.device.bytes);
    bytes = tables + IndirectTables::bytes(size, entries);
    const auto at = arena.allocate(bytes);
    if (!at) return false;
    layout = {size, *at, *at + driver, *at + written};
    auto made = AnyDriverQueue<RegionMemory>::make(region, layout, features, slots, {*at + tables, entries});
    if (!made.ok()) {
      release_memory(arena);
      return false;
    }
    half = std::move(made).value();
    since = control;
    free = kNone;
    for (std::uint16_t n = size; n-- > 0;) {
      held[n] = {};
      held[n].next = free;
      free = n;
    }
    live = true;
    armed = !half.arm();
    return true;
  }

  /// Its places are free: the ring's own memory is, too.
  void release_memory(Arena& arena) { arena.release(layout.descriptors, bytes); }

  void clear() {
    known = live = false;
    first_waiting = last_waiting = arriving = free = kNone;
    placed = 0;
    used = 0;
    layout = {};
    half = {};
  }

  /// A place for a chain; the caller has asked whether there is one.
  std::uint16_t take_place() {
    const std::uint16_t n = free;
    free = held[n].next;
    held[n].arrived = 0;
    held[n].pieces = {};
    return n;
  }

  /// The place is free again, and what the device may have written. Of its readable bytes the caller has let go.
  void free_place(Arena& arena, std::uint16_t n) {
    Held& one = held[n];
    if (one.placed) --placed;
    if (one.placed && one.writable != 0) {
      arena.release(one.written_at, one.writable);
      used -= one.writable;
    }
    one.state = State::kFree;
    one.placed = false;
    one.next = std::exchange(free, n);
  }

  /// At the end of those that wait to be placed.
  void line_up(std::uint16_t n) {
    held[n].next = kNone;
    (first_waiting == kNone ? first_waiting : held[last_waiting].next) = n;
    last_waiting = n;
  }

  /// Puts those that wait into the ring, as far as `may_use(bytes)` and there is room.
  template <class MayUse>
  void place_waiting(Arena& arena, const MayUse& may_use) {
    while (first_waiting != kNone) {
      Held& one = held[first_waiting];
      const std::uint16_t after = one.next;
      if (!place(arena, may_use, first_waiting)) return;
      one.next = kNone;
      first_waiting = after;
    }
    last_waiting = kNone;
  }

  template <class MayUse>
  bool place(Arena& arena, const MayUse& may_use, std::uint16_t n) {
    Held& one = held[n];
    Segment writable{Offset(), one.writable};
    if (one.writable != 0) {
      // Without one in the ring, nothing would ever be given back for it: what waits counts as used itself.
      if (placed != 0 && !may_use(one.writable)) return false;
      const auto at = arena.allocate(one.writable);
      if (!at) return false;
      writable.at = *at;
    }
    std::size_t pieces = 0;
    while (pieces < one.pieces.size() && one.pieces[pieces].bytes != 0) ++pieces;
    const auto added = half.try_add(std::span(one.pieces).first(pieces),
                                    std::span(&writable, one.writable != 0 ? 1 : 0), Token{n});
    if (!added.ok()) {
      if (one.writable != 0) arena.release(writable.at, one.writable);
      return false;
    }
    one.state = State::kInRing;
    one.placed = true;
    ++placed;
    one.written_at = writable.at;
    used += one.writable;
    return true;
  }
};

}  // namespace hawser::virtio::courier
