// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A receive queue seen from the device: frames into the driver's buffers, several for one frame when the driver
// agreed (VIRTIO 1.3 §5.1.6.4).
#pragma once

#include <hawser/virtio/device/net_backend.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::virtio::device {

enum class Delivery : std::uint8_t {
  kDelivered,  ///< Visible to the driver after publish().
  kNoBuffers,  ///< The driver has given too few. Those there are stay with us until it gives more.
  kTooLong,    ///< Longer than the buffers of this driver can take.
  kBroken,     ///< The queue is broken, or the driver gave a buffer that no frame fits in.
};

/// The buffers taken from one queue; the queue itself is its owner's, and always the same one until forget().
template <Memory M, std::uint16_t kQueueSize>
class NetReceiver {
 public:
  /// Puts a frame into the queue's next buffer, or, if `mergeable`, buffers.
  Delivery deliver(AnyDeviceQueue<M>& queue, const NetFrame& frame, bool mergeable) {
    starved_ = false;
    if (first_ == end_) {
      first_ = 0;
      end_ = queue.take_burst(std::span(held_).first(kBurst), std::span(segments_).first(kBurstSegments),
                              kQueueSize);
      if (end_ == 0) return queue.fault() == QueueFault::kNone ? starve() : Delivery::kBroken;
      segments_used_ = 0;
      for (std::size_t n = 0; n < end_; ++n) segments_used_ += held_[n].segments();
      for (std::size_t n = 0; n < std::min(end_, kAhead); ++n) fetch(queue.memory(), held_[n]);
    }
    if (first_ + kAhead < end_) fetch(queue.memory(), held_[first_ + kAhead]);
    const std::uint64_t need = sizeof(virtio_net_hdr) + frame.bytes.size();
    const std::span<const Segment> room = held_[first_].writable();
    if (room.size() == 1 && room[0].bytes >= need && plain(frame.header)) [[likely]] {
      const auto area = queue.memory().area(room[0].at, need, 1);
      if (!area.ok()) return Delivery::kBroken;  // the queue checked where it lies
      static constexpr virtio_net_hdr kOneBuffer{.flags = 0,
                                                 .gso_type = VIRTIO_NET_HDR_GSO_NONE,
                                                 .hdr_len = std::uint16_t{0},
                                                 .gso_size = std::uint16_t{0},
                                                 .csum_start = std::uint16_t{0},
                                                 .csum_offset = std::uint16_t{0},
                                                 .num_buffers = std::uint16_t{1}};
      area->write(0, wire_bytes(kOneBuffer));
      area->write(sizeof(kOneBuffer), frame.bytes);
      queue.complete(std::move(held_[first_++]), static_cast<std::uint32_t>(need));
      return Delivery::kDelivered;
    }
    std::size_t buffers = 0;
    for (std::uint64_t bytes = 0; bytes < need; ++buffers) {
      if (buffers != 0 && !mergeable) return Delivery::kTooLong;
      if (first_ + buffers == end_) {
        if (end_ == held_.size()) move_down();
        if (buffers >= kMostBuffers || end_ == held_.size() ||
            segments_.size() - segments_used_ < kQueueSize) {
          give_back(queue);  // unused: nothing that this driver gives at once will do
          return Delivery::kTooLong;
        }
        if (const Delivery got = hold_one_more(queue); got != Delivery::kDelivered) return got;
      }
      const std::uint64_t here = held_[first_ + buffers].writable_bytes();
      // §5.1.6.3.1: each has room for the header at least. Holding on to less would end in a queue of useless buffers.
      if (here < sizeof(virtio_net_hdr)) return Delivery::kBroken;
      bytes += here;
    }
    spread(queue, frame, buffers);
    return Delivery::kDelivered;
  }

  /// The last frame found too few buffers: only new ones will do. Else there may be some here that the ring does not show.
  bool starved() const { return starved_; }

  /// Drops what is held, without an answer: the queue is no more, and its memory may be somebody else's by now. The queue
  /// object goes next.
  void forget() {
    for (; first_ != end_; ++first_) held_[first_] = Chain();
    starved_ = false;
  }

 private:
  /// Buffers for one frame: enough for the longest in buffers of 1 KiB and more.
  static constexpr std::size_t kMostBuffers = 64;
  /// Buffers taken together, frames or not, so that their lines are here when a frame comes.
  static constexpr std::size_t kBurst = 32;
  static constexpr std::size_t kAhead = 8;
  static constexpr std::size_t kLinesAhead = 2;
  static constexpr std::size_t kBurstSegments = kBurst - 1 + std::size_t{kQueueSize};

  static void fetch(const M& memory, const Chain& chain) {
    if constexpr (LendableMemory<M>) {
      if (chain.writable().empty()) return;
      const Segment& first = chain.writable()[0];
      if (const auto area = memory.area(first.at, first.bytes, 1); area.ok())
        prefetch_to_write(area->bytes(), kLinesAhead);
    }
  }

  Delivery starve() {
    starved_ = true;
    return Delivery::kNoBuffers;
  }

  /// Room for the handles of one more frame's buffers. Their segments stay where they are.
  void move_down() {
    std::move(held_.begin() + first_, held_.begin() + end_, held_.begin());
    end_ -= first_;
    first_ = 0;
  }

  /// Completes what is held, unused.
  void give_back(AnyDeviceQueue<M>& queue) {
    for (; first_ != end_; ++first_) queue.complete(std::move(held_[first_]), 0);
  }

  Delivery hold_one_more(AnyDeviceQueue<M>& queue) {
    auto chain = queue.try_take(std::span(segments_).subspan(segments_used_).first(kQueueSize));
    if (!chain.ok()) return chain.error() == TakeError::kNothing ? starve() : Delivery::kBroken;
    segments_used_ += chain->segments();
    held_[end_++] = std::move(*chain);
    return Delivery::kDelivered;
  }

  void spread(AnyDeviceQueue<M>& queue, const NetFrame& frame, std::size_t buffers) {
    std::uint64_t left = sizeof(virtio_net_hdr) + frame.bytes.size();
    auto rest = frame.bytes;
    for (std::size_t n = 0; n < buffers; ++n) {
      Chain& chain = held_[first_++];
      ChainWriter<M> writer(queue.memory(), chain);
      const auto bytes = static_cast<std::uint32_t>(std::min(left, writer.remaining()));
      std::size_t payload = bytes;
      if (n == 0) {
        (void)writer.write_wire(to_wire(frame.header, static_cast<std::uint16_t>(buffers)));
        payload -= sizeof(virtio_net_hdr);
      }
      (void)writer.write(rest.first(payload));  // it fits, and the queue checked where the segments lie
      rest = rest.subspan(payload);
      left -= bytes;
      queue.complete(std::move(chain), bytes);
    }
  }

  std::array<Chain, kBurst + kMostBuffers> held_;  ///< Taken; from first_ to end_ not used yet.
  std::size_t first_ = 0;
  std::size_t end_ = 0;
  /// Room for a burst, and behind it for what one frame may need: without indirect descriptors that has at most kQueueSize
  /// segments; the rest is what the next chain may need.
  std::array<Segment, kBurstSegments + 2 * std::size_t{kQueueSize}> segments_;
  std::size_t segments_used_ = 0;
  bool starved_ = false;
};

}  // namespace hawser::virtio::device
