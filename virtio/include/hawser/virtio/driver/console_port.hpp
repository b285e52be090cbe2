// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The bytes of one port as its driver handles them: fixed buffers in the arena, handed to and fro.
#pragma once

#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::driver {

/// Buffers of one queue, one for each of its entries.
template <Memory M, std::uint16_t kQueueSize, std::uint32_t kBytes>
class ConsoleBuffers {
 public:
  bool allocate(Arena& arena) {
    if (allocated_) return true;
    const auto at = arena.allocate(std::uint64_t{kQueueSize} * kBytes);
    if (at) at_ = *at;
    allocated_ = at.has_value();
    return allocated_;
  }
  void release(Arena& arena) {
    if (allocated_) arena.release(at_, std::uint64_t{kQueueSize} * kBytes);
    allocated_ = false;
  }
  Offset at(std::uint64_t buffer) const { return at_ + buffer * kBytes; }

 private:
  Offset at_;
  bool allocated_ = false;
};

/// Bytes from the device, in order.
template <Memory M, std::uint16_t kQueueSize, std::uint32_t kBytes>
class ConsoleReceiver {
 public:
  bool allocate(Arena& arena) { return buffers_.allocate(arena); }
  void release(Arena& arena) { buffers_.release(arena); }

  /// Gives the device all buffers, at the beginning of a queue's life.
  void fill(AnyDriverQueue<M>& queue) {
    left_ = 0;
    for (std::uint16_t n = 0; n < std::min(kQueueSize, queue.size()); ++n) give(queue, n);
  }

  /// Copies what has arrived, as much as fits; `given` becomes true if the device got a buffer back.
  std::size_t read(AnyDriverQueue<M>& queue, std::span<std::byte> out, bool& given) {
    std::size_t done = 0;
    std::uint32_t budget = queue.size();  // buffers without bytes do not hold us here for ever
    while (done < out.size()) {
      if (left_ == 0) {
        if (budget-- == 0) break;
        const auto reaped = queue.try_reap();
        if (!reaped.ok()) break;
        buffer_ = static_cast<std::uint16_t>(reaped->token.value);
        at_ = 0;
        left_ = reaped->written;  // at most kBytes: the queue has checked
      }
      const auto bytes = static_cast<std::uint32_t>(std::min<std::size_t>(left_, out.size() - done));
      if (bytes != 0) {
        auto area = queue.memory().area(buffers_.at(buffer_) + at_, bytes, 1);
        if (area.ok()) area->read(0, out.subspan(done, bytes));
      }
      done += bytes;
      at_ += bytes;
      left_ -= bytes;
      if (left_ == 0) {
        give(queue, buffer_);
        given = true;
      }
    }
    return done;
  }

 private:
  void give(AnyDriverQueue<M>& queue, std::uint16_t buffer) {
    const Segment room{buffers_.at(buffer), kBytes};
    (void)queue.try_add({}, std::span(&room, 1), Token{buffer});  // fails only when broken
  }

  ConsoleBuffers<M, kQueueSize, kBytes> buffers_;
  std::uint16_t buffer_ = 0;  ///< The one being read,
  std::uint32_t at_ = 0;      ///< from here on,
  std::uint32_t left_ = 0;    ///< so many bytes.
};

/// Bytes to the device, in order.
template <Memory M, std::uint16_t kQueueSize, std::uint32_t kBytes>
class ConsoleTransmitter {
 public:
  bool allocate(Arena& arena) { return buffers_.allocate(arena); }
  void release(Arena& arena) { buffers_.release(arena); }
  /// Returns how many bytes were in flight: perhaps written, perhaps not.
  std::uint64_t drop() {
    std::uint64_t lost = 0;
    for (std::uint32_t& bytes : in_flight_) lost += std::exchange(bytes, 0);
    return lost;
  }

  /// Queues as many bytes as there is room for, for the next publish().
  std::size_t write(AnyDriverQueue<M>& queue, std::span<const std::byte> in) {
    reclaim(queue);
    std::size_t done = 0;
    for (std::uint16_t n = 0; n < std::min(kQueueSize, queue.size()) && done < in.size(); ++n) {
      if (in_flight_[n] != 0) continue;
      const auto bytes = static_cast<std::uint32_t>(std::min<std::size_t>(in.size() - done, kBytes));
      auto area = queue.memory().area(buffers_.at(n), bytes, 1);
      if (!area.ok()) break;
      area->write(0, in.subspan(done, bytes));
      const Segment segment{buffers_.at(n), bytes};
      if (!queue.try_add(std::span(&segment, 1), {}, Token{n}).ok()) break;
      in_flight_[n] = bytes;
      done += bytes;
    }
    return done;
  }

  void reclaim(AnyDriverQueue<M>& queue) {
    for (;;) {
      const auto reaped = queue.try_reap();
      if (!reaped.ok()) return;
      in_flight_[reaped->token.value] = 0;
    }
  }

  std::uint64_t in_flight() const {
    std::uint64_t bytes = 0;
    for (const std::uint32_t n : in_flight_) bytes += n;
    return bytes;
  }

 private:
  ConsoleBuffers<M, kQueueSize, kBytes> buffers_;
  std::array<std::uint32_t, kQueueSize> in_flight_{};  ///< Bytes; 0: free.
};

}  // namespace hawser::virtio::driver
