// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device side of a rig: takes requests, looks at every line of them, completes them.
#pragma once

#include "limits.hpp"
#include "link_process.hpp"
#include "rings.hpp"

#include <hawser/app/serve.hpp>
#include <hawser/virtio/device/model.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <array>
#include <utility>

namespace hawser::bench {

class Taker {
 public:
  static constexpr std::uint32_t kDeviceId = 42;
  virtio::Features offered() const { return {}; }
  bool acceptable(const virtio::Features&) const { return true; }
  std::uint16_t queue_count() const { return 1; }
  std::uint16_t queue_max_size(std::uint16_t) const { return 2048; }
  std::uint32_t config_size() const { return 0; }
  void read_config(std::uint32_t, std::span<std::byte>) const {}
  bool write_config(std::uint32_t, std::span<const std::byte>) { return false; }
  bool take_config_change() { return false; }
  void start(const virtio::Features&) {}
  void attach(std::uint16_t, virtio::AnyDeviceQueue<RegionMemory> queue) { queue_ = std::move(queue); }
  void detach(std::uint16_t) { queue_ = {}; }
  virtio::Work service(std::uint16_t) {
    std::array<virtio::Segment, 16> segments;
    queue_.disarm();
    for (unsigned n = 0; n < kAtOnce; ++n) {
      auto chain = queue_.try_take(segments);
      if (!chain.ok()) return {.more = false, .notify = n != 0 && queue_.publish()};
      for (const virtio::Segment& segment : chain->readable())
        if (const auto area = queue_.memory().area(segment.at, segment.bytes, 1); area.ok())
          touch(area->bytes());
      queue_.complete(std::move(chain).value(), 0);
    }
    return {.more = true, .notify = queue_.publish()};
  }
  bool prepare_to_wait(std::uint16_t) { return queue_.arm(); }
  bool needs_reset() const { return false; }
  void stop() { queue_ = {}; }

 private:
  static constexpr unsigned kAtOnce = 16;
  virtio::AnyDeviceQueue<RegionMemory> queue_;
};

/// Until told to stop. What `hawser serve` does between requests, or nothing but looking.
template <Link L>
void serve_requests(L& link, LinkControl& control) {
  constexpr Duration kSpin = microseconds(50);
  Taker taker;
  virtio::msg::DeviceBus<L, 1, 1> bus(link);
  if (!bus.add(virtio::msg::DeviceRef<RegionMemory>(taker)).ok()) return;
  while (!control.stop.load(std::memory_order_relaxed)) {
    const auto waiting = static_cast<Waiting>(control.waiting.load(std::memory_order_relaxed));
    if (waiting == Waiting::kPollOnly) {
      for (unsigned n = 0; n < 64; ++n) {
        if (!bus.step()) spin_hint();
      }
    } else {
      (void)app::serve_turn(bus, waiting == Waiting::kNever ? Duration{} : kSpin);
    }
    const LinkCounters counters = bus.link().counters();
    control.doorbells.store(counters.doorbells, std::memory_order_relaxed);
    control.wakes.store(counters.wakes, std::memory_order_relaxed);
  }
}

}  // namespace hawser::bench
