// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A receive queue seen from the driver: buffers given to the device, frames put together from what comes back
// (VIRTIO 1.3 §5.1.6.4). Every number of the device's is checked before it is used.
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

struct NetReceived {
  NetHeader header;
  std::size_t bytes = 0;
};

enum class NetReceiveError : std::uint8_t {
  kNothing,     ///< No frame is waiting.
  kTooSmall,    ///< The frame was longer than the memory given for it, and is gone.
  kBroken,      ///< The device broke the queue; only resume() helps.
  kNotStarted,  ///< No such queue pair, or not (yet, or any more) in use.
};

struct NetReceiveCounters {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::uint64_t malformed = 0;  ///< The device's header or lengths were nonsense.
  std::uint64_t too_long = 0;   ///< Longer than what the caller had room for.
};

template <Memory M, std::uint16_t kQueueSize>
class NetReceiver {
 public:
  struct Rules {
    bool mergeable = false;
    NetOffloads offloads;  ///< What the device may leave undone.
  };

  /// Buffers of `bytes`, at most `count` and at most what the arena has. False: not even one.
  bool allocate(Arena& arena, std::uint16_t count, std::uint32_t bytes) {
    buffer_bytes_ = bytes;
    while (buffers_ < std::min(count, kQueueSize)) {
      const auto at = arena.allocate(bytes);
      if (!at) break;
      at_[buffers_++] = *at;
    }
    return buffers_ != 0;
  }
  void release(Arena& arena) {
    for (std::uint16_t n = 0; n < buffers_; ++n) arena.release(at_[n], buffer_bytes_);
    buffers_ = 0;
    gathered_ = 0;
    first_ = end_ = 0;
  }

  /// Gives the device all buffers, at the beginning of a queue's life.
  void fill(AnyDriverQueue<M>& queue) {
    gathered_ = 0;
    first_ = end_ = 0;
    for (std::uint16_t n = 0; n < std::min(buffers_, queue.size()); ++n) give(queue, n);
  }

  /// The next good frame, copied to `out`: from then on it is private. Used buffers go back to the device with the
  /// next publish(). Bounded: looks at one queue's worth of buffers at most.
  Result<NetReceived, NetReceiveError> take(AnyDriverQueue<M>& queue, const Rules& rules,
                                            std::span<std::byte> out, NetReceiveCounters& counters) {
    for (std::uint32_t budget = queue.size(); budget != 0; --budget) {
      if (first_ == end_) {
        if (const TakeError end = reap(queue); first_ == end_)
          return Err{end == TakeError::kNothing ? NetReceiveError::kNothing : NetReceiveError::kBroken};
      }
      const Piece piece = reaped_[first_++];
      if (!gather(queue.memory(), piece.buffer, piece.bytes, rules.mergeable)) {
        ++counters.malformed;
        give_gathered(queue);
        continue;
      }
      if (gathered_ < expected_) continue;

      const std::optional<NetHeader> header = checked(rules);
      const bool fits = header && frame_bytes_ <= out.size();
      if (fits) copy(queue.memory(), out);
      give_gathered(queue);
      if (!header) {
        ++counters.malformed;
      } else if (!fits) {
        ++counters.too_long;
        return Err{NetReceiveError::kTooSmall};
      } else {
        ++counters.frames;
        counters.bytes += frame_bytes_;
        return NetReceived{*header, static_cast<std::size_t>(frame_bytes_)};
      }
    }
    return Err{NetReceiveError::kNothing};
  }

  /// Buffers have come back that take() has not looked at.
  bool waiting() const { return first_ != end_; }

  /// Buffers given back since the last call.
  std::uint16_t take_given() { return std::exchange(given_, std::uint16_t{0}); }
  std::uint16_t given() const { return given_; }
  std::uint16_t buffers() const { return buffers_; }

 private:
  struct Piece {
    std::uint16_t buffer = 0;
    std::uint32_t bytes = 0;
  };

  /// Takes back several buffers together: their lines are on their way while those before them are read. Why it stopped.
  TakeError reap(AnyDriverQueue<M>& queue) {
    first_ = end_ = 0;
    while (end_ < reaped_.size()) {
      const auto reaped = queue.try_reap();
      if (!reaped.ok()) return reaped.error();
      const auto buffer = static_cast<std::uint16_t>(reaped->token.value);
      reaped_[end_++] = {buffer, reaped->written};
      if constexpr (LendableMemory<M>) {
        if (const auto area = queue.memory().area(at_[buffer], reaped->written, 1); area.ok())
          prefetch(area->bytes(), kLinesAhead);
      }
    }
    return TakeError::kNothing;
  }

  /// Adds a buffer to the frame being put together; false: the frame is nonsense.
  bool gather(const M& memory, std::uint16_t buffer, std::uint32_t written, bool mergeable) {
    pieces_[gathered_++] = {buffer, written};
    if (gathered_ > 1) {
      frame_bytes_ += written;
      return written != 0;
    }
    expected_ = 1;
    if (written < sizeof(virtio_net_hdr)) return false;
    frame_bytes_ = written - sizeof(virtio_net_hdr);
    auto area = memory.area(at_[buffer], sizeof(virtio_net_hdr), 1);
    if (!area.ok()) return false;
    area->read(0, std::as_writable_bytes(std::span(&wire_, 1)));
    if (mergeable) expected_ = wire_.num_buffers;
    return expected_ != 0 && expected_ <= buffers_;
  }

  std::optional<NetHeader> checked(const Rules& rules) const {
    if (frame_bytes_ > kMaxFrame) return std::nullopt;
    if (plain(wire_, static_cast<std::size_t>(frame_bytes_))) return NetHeader{};
    const auto header = check_header(wire_, static_cast<std::size_t>(frame_bytes_), rules.offloads);
    if (!header.ok()) return std::nullopt;
    return *header;
  }

  void copy(const M& memory, std::span<std::byte> out) const {
    for (std::uint16_t n = 0; n < gathered_; ++n) {
      const std::size_t skip = n == 0 ? sizeof(virtio_net_hdr) : 0;
      const std::size_t bytes = pieces_[n].bytes - skip;
      auto area = memory.area(at_[pieces_[n].buffer] + skip, bytes, 1);
      if (!area.ok()) return;  // the arena gave it, so it is inside
      area->read(0, out.first(bytes));
      out = out.subspan(bytes);
    }
  }

  void give_gathered(AnyDriverQueue<M>& queue) {
    for (std::uint16_t n = 0; n < gathered_; ++n) give(queue, pieces_[n].buffer);
    gathered_ = 0;
  }
  void give(AnyDriverQueue<M>& queue, std::uint16_t buffer) {
    const Segment room{at_[buffer], buffer_bytes_};
    if (queue.try_add({}, std::span(&room, 1), Token{buffer}).ok()) ++given_;  // fails only when broken
  }

  std::array<Offset, kQueueSize> at_{};
  std::uint16_t buffers_ = 0;
  std::uint32_t buffer_bytes_ = 0;
  std::uint16_t given_ = 0;

  static constexpr std::size_t kLinesAhead = 2;
  std::array<Piece, 16> reaped_{};  ///< Back; from first_ to end_ not looked at yet.
  std::size_t first_ = 0;
  std::size_t end_ = 0;

  std::array<Piece, kQueueSize> pieces_{};  ///< Of the frame being put together.
  std::uint16_t gathered_ = 0;
  std::uint16_t expected_ = 0;
  std::uint64_t frame_bytes_ = 0;
  virtio_net_hdr wire_{};  ///< Its header, read once.
};

}  // namespace hawser::virtio::driver
