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

/// The buffers taken from one queue; the queue itself is its owner's, and always the same one until give_back().
template <Memory M, std::uint16_t kQueueSize>
class NetReceiver {
 public:
  /// Puts a frame into the queue's next buffer, or, if `mergeable`, buffers.
  Delivery deliver(AnyDeviceQueue<M>& queue, const NetFrame& frame, bool mergeable) {
    const std::uint64_t need = sizeof(virtio_net_hdr) + frame.bytes.size();
    while (held_bytes_ < need) {
      if (!mergeable && count_ == 1) return Delivery::kTooLong;
      if (count_ == kMostBuffers || segments_.size() - segments_used_ < kQueueSize) {
        give_back(queue);  // unused: nothing that this driver gives at once will do
        return Delivery::kTooLong;
      }
      if (const Delivery got = hold_one_more(queue); got != Delivery::kDelivered) return got;
    }
    spread(queue, frame);
    return Delivery::kDelivered;
  }

  /// Completes what is held, unused.
  void give_back(AnyDeviceQueue<M>& queue) {
    for (std::size_t n = 0; n < count_; ++n) queue.complete(std::move(held_[n]), 0);
    count_ = 0;
    held_bytes_ = 0;
    segments_used_ = 0;
  }

 private:
  /// Buffers for one frame: enough for the longest in buffers of 1 KiB and more.
  static constexpr std::size_t kMostBuffers = 64;

  Delivery hold_one_more(AnyDeviceQueue<M>& queue) {
    auto chain = queue.try_take(std::span(segments_).subspan(segments_used_));
    if (!chain.ok()) return chain.error() == TakeError::kNothing ? Delivery::kNoBuffers : Delivery::kBroken;
    const std::uint64_t bytes = chain->writable_bytes();
    segments_used_ += chain->writable().size() + chain->readable().size();
    held_bytes_ += bytes;
    held_[count_++] = std::move(*chain);
    // §5.1.6.3.1: each has room for the header at least. Holding on to less would end in a queue of useless buffers.
    return bytes < sizeof(virtio_net_hdr) ? Delivery::kBroken : Delivery::kDelivered;
  }

  void spread(AnyDeviceQueue<M>& queue, const NetFrame& frame) {
    std::uint64_t left = sizeof(virtio_net_hdr) + frame.bytes.size();
    std::size_t buffers = 0;
    for (std::uint64_t room = 0; room < left; ++buffers) room += held_[buffers].writable_bytes();

    auto rest = frame.bytes;
    for (std::size_t n = 0; n < buffers; ++n) {
      ChainWriter<M> writer(queue.memory(), held_[n]);
      const auto bytes = static_cast<std::uint32_t>(std::min(left, writer.remaining()));
      std::size_t payload = bytes;
      if (n == 0) {
        (void)writer.write_wire(to_wire(frame.header, static_cast<std::uint16_t>(buffers)));
        payload -= sizeof(virtio_net_hdr);
      }
      (void)writer.write(rest.first(payload));  // it fits, and the queue checked where the segments lie
      rest = rest.subspan(payload);
      left -= bytes;
      held_bytes_ -= held_[n].writable_bytes();
      queue.complete(std::move(held_[n]), bytes);
    }
    std::move(held_.begin() + static_cast<std::ptrdiff_t>(buffers),
              held_.begin() + static_cast<std::ptrdiff_t>(count_), held_.begin());
    count_ -= buffers;
    if (count_ == 0) segments_used_ = 0;
  }

  std::array<Chain, kMostBuffers> held_;  ///< Taken, in order, and not used yet.
  std::size_t count_ = 0;
  std::uint64_t held_bytes_ = 0;
  /// Without indirect descriptors, everything held together has at most kQueueSize segments; the second half is
  /// what the next chain may need.
  std::array<Segment, 2 * std::size_t{kQueueSize}> segments_;
  std::size_t segments_used_ = 0;
};

}  // namespace hawser::virtio::device
