// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A cable between two network devices of one program. Offloads go through end to end when both drivers negotiated
// them; what the far driver did not accept is finished here, so each driver may leave undone whatever it likes.
#pragma once

#include <hawser/virtio/device/net_backend.hpp>
#include <hawser/virtio/device/net_frame_fifo.hpp>
#include <hawser/virtio/device/net_segment.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::device {

/// One end. Both ends belong to one thread. A full cable holds the sender up (kBusy) while the far driver lives, and
/// loses frames when there is none. An end has no file descriptor: whoever served one device serves the other next.
class CableEnd {
 public:
  static constexpr std::uint16_t kMaxQueues = 8;

  CableEnd() = default;
  CableEnd(const CableEnd&) = delete;
  CableEnd& operator=(const CableEnd&) = delete;

  NetOffloads takes() const { return NetOffloads::all(); }
  NetOffloads gives() const { return NetOffloads::all(); }
  std::uint16_t queues() const { return queues_; }
  std::uint16_t mtu() const { return mtu_; }

  /// The far device has a driver.
  bool link_up() const { return far_ != nullptr && far_->active_ != 0; }

  void start(const NetOffloads& accepted, std::uint16_t queues);
  void adjust(const NetOffloads& accepted, std::uint16_t queues);
  void stop();

  NetSent send(std::uint16_t queue, const NetHeader& header,
               std::span<const std::span<const std::byte>> parts);
  bool can_send(std::uint16_t queue) const;
  NetFrame front(std::uint16_t queue);
  void pop(std::uint16_t queue);

  /// Frames to this end that could not be finished: what the far driver asked for did not fit the frame.
  std::uint64_t malformed() const { return malformed_; }

  /// For Cable: joins two ends. Each queue of `here` holds frames towards `*this`.
  void join(CableEnd& far, std::uint16_t mtu, std::span<const std::span<std::byte>> here);

 private:
  struct Inbound {
    FrameFifo fifo;
    Segmenter segmenter;
    bool segmenting = false;
  };

  bool accepts(const NetHeader& header) const;
  /// Makes the first frame in line one that the driver accepts; false: it is hopeless.
  bool finish(Inbound& in);
  Inbound& towards_far(std::uint16_t queue) const { return far_->inbound_[queue % far_->active_]; }

  CableEnd* far_ = nullptr;
  std::array<Inbound, kMaxQueues> inbound_;
  NetOffloads accepted_;
  std::uint16_t queues_ = 0;
  std::uint16_t active_ = 0;  ///< 0: no driver.
  std::uint16_t mtu_ = 0;
  std::uint64_t malformed_ = 0;
};

static_assert(NetBackend<CableEnd>);

/// A cable with its storage: kBytes for each queue and direction.
template <std::uint16_t kQueues = 1, std::size_t kBytes = 256 * 1024>
class Cable {
  static_assert(kQueues >= 1 && kQueues <= CableEnd::kMaxQueues && kBytes >= FrameFifo::kSmallest);

 public:
  explicit Cable(std::uint16_t mtu = 0) {
    for (std::size_t side = 0; side < 2; ++side) {
      std::array<std::span<std::byte>, kQueues> here;
      for (std::size_t queue = 0; queue < kQueues; ++queue) here[queue] = storage_[side][queue];
      ends_[side].join(ends_[1 - side], mtu, here);
    }
  }

  CableEnd& left() { return ends_[0]; }
  CableEnd& right() { return ends_[1]; }

 private:
  std::array<CableEnd, 2> ends_;
  std::array<std::array<std::array<std::byte, kBytes>, kQueues>, 2> storage_;
};

}  // namespace hawser::virtio::device
