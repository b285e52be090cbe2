// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A cable between two network devices of one process, whose ends wake each other: either device may be asleep in its
// loop when the other one sends.
#pragma once

#include <hawser/process/owned_fd.hpp>

#include <hawser/virtio/device/net_cable.hpp>

#include <cstdint>
#include <memory>

namespace hawser::process {

/// One end. Both belong to one thread.
class WakingCableEnd {
 public:
  /// Readable when the device at this end should be served.
  int wake_fd() const { return bell_.get(); }

  // --- NetBackend ---
  virtio::NetOffloads takes() const { return end_->takes(); }
  virtio::NetOffloads gives() const { return end_->gives(); }
  std::uint16_t queues() const { return end_->queues(); }
  std::uint16_t mtu() const { return end_->mtu(); }
  bool link_up() const { return end_->link_up(); }
  void start(const virtio::NetOffloads& accepted, std::uint16_t queues);
  void adjust(const virtio::NetOffloads& accepted, std::uint16_t queues);
  void stop();
  virtio::device::NetSent send(std::uint16_t queue, const virtio::NetHeader& header,
                               std::span<const std::span<const std::byte>> parts);
  bool can_send(std::uint16_t queue) const { return end_->can_send(queue); }
  virtio::device::NetFrame front(std::uint16_t queue);
  void pop(std::uint16_t queue);

 private:
  friend class WakingCable;

  void ring_far() const;
  void silence() const;

  virtio::device::CableEnd* end_ = nullptr;
  WakingCableEnd* far_ = nullptr;
  OwnedFd bell_;
  bool held_up_ = false;  ///< The far side had no room for us.
};

static_assert(virtio::device::NetBackend<WakingCableEnd>);

class WakingCable {
 public:
  /// Throws std::system_error.
  explicit WakingCable(std::uint16_t mtu = 0);
  WakingCableEnd& left() { return ends_[0]; }
  WakingCableEnd& right() { return ends_[1]; }

 private:
  std::unique_ptr<virtio::device::Cable<>> cable_;
  WakingCableEnd ends_[2];
};

}  // namespace hawser::process
