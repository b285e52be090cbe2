// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device side of a rig: takes requests, looks at every line of them, completes them.
#pragma once

#include "limits.hpp"
#include "link_process.hpp"
#include "rings.hpp"

#include <hawser/app/serve.hpp>
#include <hawser/bench/one_queue.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <array>
#include <utility>

namespace hawser::bench {

class Taker : public OneQueue<2048> {
 public:
  virtio::Work service(std::uint16_t) {
    std::array<virtio::Segment, 16> segments;
    queue().disarm();
    for (unsigned n = 0; n < kAtOnce; ++n) {
      auto chain = queue().try_take(segments);
      if (!chain.ok()) return {.more = false, .notify = n != 0 && queue().publish()};
      for (const virtio::Segment& segment : chain->readable())
        if (const auto area = queue().memory().area(segment.at, segment.bytes, 1); area.ok())
          touch(area->bytes());
      queue().complete(std::move(chain).value(), 0);
    }
    return {.more = true, .notify = queue().publish()};
  }

 private:
  static constexpr unsigned kAtOnce = 16;
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
