// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One request in a queue, as the device sees it: readable bytes, then writable bytes (VIRTIO 1.3 §2.6.4).
#pragma once

#include <hawser/transport/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio {

/// A piece of a request: where it lies in the driver's memory and how long it is. The address is the driver's
/// word until a door has checked it.
struct Segment {
  Offset at;
  std::uint32_t bytes = 0;
};

/// A request taken from a queue. Move-only: it must go back through the complete() of the queue it came from.
/// Its segments lie in storage that the taker handed in and are a private copy: nothing here can change under
/// us.
class Chain {
 public:
  Chain() = default;
  Chain(Chain&& other) noexcept { take_from(other); }
  Chain& operator=(Chain&& other) noexcept {
    if (this != &other) {
      drop();
      take_from(other);
    }
    return *this;
  }
  ~Chain() { drop(); }

  /// False for an empty handle: default made, moved from, or completed.
  bool held() const { return owner_ != nullptr; }

  std::span<const Segment> readable() const { return segments_.first(readable_); }
  std::span<const Segment> writable() const { return segments_.subspan(readable_); }

  std::size_t segments() const { return segments_.size(); }

  /// Sums of the segments' lengths; they cannot overflow: at most 65536 segments of 32 bits.
  std::uint64_t readable_bytes() const { return total(readable()); }
  std::uint64_t writable_bytes() const { return total(writable()); }

  /// Counts the chains of one queue and notices those lost without complete(): the queue latches itself
  /// broken when it sees one. Chains point here, so a queue must neither move nor die while it has any out;
  /// doing so is a bug of ours and traps.
  struct Owner {
    Owner() = default;
    Owner(Owner&& other) noexcept : leaked(other.leaked) { other.must_be_idle(); }
    Owner& operator=(Owner&& other) noexcept {
      must_be_idle();
      other.must_be_idle();
      leaked = other.leaked;
      return *this;
    }
    ~Owner() { must_be_idle(); }

    std::uint32_t outstanding = 0;
    bool leaked = false;

   private:
    void must_be_idle() const {
      if (outstanding != 0) __builtin_trap();
    }
  };

  /// For queues only. `id` is what the queue needs to complete the chain, `slots` how many ring slots it
  /// took, `sequence` counts the chains that were taken.
  Chain(Owner& owner, std::uint16_t id, std::uint16_t slots, std::uint16_t sequence,
        std::span<const Segment> segments, std::size_t readable)
      : owner_(&owner),
        segments_(segments),
        readable_(readable),
        tag_(id | std::uint64_t{slots} << 16 | std::uint64_t{sequence} << 32) {
    ++owner.outstanding;
  }
  std::uint16_t id() const { return static_cast<std::uint16_t>(tag_); }
  std::uint16_t slots() const { return static_cast<std::uint16_t>(tag_ >> 16); }
  std::uint16_t sequence() const { return static_cast<std::uint16_t>(tag_ >> 32); }
  const Owner* owner() const { return owner_; }

  /// For queues only: the chain has been completed and is empty now.
  void release() {
    if (owner_ != nullptr) --owner_->outstanding;
    owner_ = nullptr;
  }

 private:
  static std::uint64_t total(std::span<const Segment> segments) {
    std::uint64_t sum = 0;
    for (const Segment& segment : segments) sum += segment.bytes;
    return sum;
  }
  void drop() {
    if (owner_ != nullptr) {
      owner_->leaked = true;
      release();
    }
  }
  void take_from(Chain& other) {
    owner_ = other.owner_;
    segments_ = other.segments_;
    readable_ = other.readable_;
    tag_ = other.tag_;
    other.owner_ = nullptr;
  }

  Owner* owner_ = nullptr;
  std::span<const Segment> segments_;
  std::size_t readable_ = 0;
  /// Id, slots, sequence: one word, since a round trip waits for the id, and a handle that moves would otherwise load
  /// in one piece what was stored in three, which processors cannot forward.
  std::uint64_t tag_ = 0;
};

}  // namespace hawser::virtio
