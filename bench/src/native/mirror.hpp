// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What stands behind the network device of a benchmark: it copies every frame, as whoever forwards it would, and drops it
// or sends it back.
#pragma once

#include "link_process.hpp"

#include <hawser/virtio/device/net_backend.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser::bench {

class Mirror {
 public:
  static constexpr std::size_t kMostBytes = 1536;

  explicit Mirror(LinkControl& control) : control_(control) {}

  virtio::NetOffloads takes() const { return {}; }
  virtio::NetOffloads gives() const { return {}; }
  std::uint16_t queues() const { return 1; }
  std::uint16_t mtu() const { return 1500; }
  bool link_up() const { return true; }
  void start(const virtio::NetOffloads&, std::uint16_t) { out_ = in_; }
  void adjust(const virtio::NetOffloads&, std::uint16_t) {}
  void stop() { out_ = in_; }

  virtio::device::NetSent send(std::uint16_t, const virtio::NetHeader&,
                               std::span<const std::span<const std::byte>> parts) {
    if (!can_send(0)) return virtio::device::NetSent::kBusy;
    Slot& slot = slots_[in_ % kSlots];
    slot.bytes = 0;
    for (const auto part : parts) {
      if (part.size() > kMostBytes - slot.bytes) return virtio::device::NetSent::kDropped;
      std::memcpy(slot.frame.data() + slot.bytes, part.data(), part.size());
      slot.bytes += part.size();
    }
    ++in_;
    if (!control_.mirror.load(std::memory_order_relaxed)) out_ = in_;
    control_.frames.store(++frames_, std::memory_order_relaxed);
    return virtio::device::NetSent::kSent;
  }
  bool can_send(std::uint16_t) const { return in_ - out_ < kSlots; }
  virtio::device::NetFrame front(std::uint16_t) {
    if (out_ == in_) return {};
    const Slot& slot = slots_[out_ % kSlots];
    return {{}, std::span(slot.frame).first(slot.bytes)};
  }
  void pop(std::uint16_t) { ++out_; }

 private:
  static constexpr std::size_t kSlots = 256;
  struct Slot {
    std::size_t bytes = 0;
    std::array<std::byte, kMostBytes> frame;
  };

  LinkControl& control_;
  std::array<Slot, kSlots> slots_{};
  std::size_t in_ = 0, out_ = 0;
  std::uint64_t frames_ = 0;
};

static_assert(virtio::device::NetBackend<Mirror>);

}  // namespace hawser::bench
