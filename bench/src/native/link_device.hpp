// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device side of a rig: takes requests, looks at every line of them (or answers with the same), completes them.
#pragma once

#include "limits.hpp"
#include "link_process.hpp"
#include "rings.hpp"

#include <hawser/app/serve.hpp>
#include <hawser/bench/one_queue.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <array>
#include <cstring>
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
      const std::uint32_t written = answer(*chain);
      queue().complete(std::move(chain).value(), written);
    }
    return {.more = true, .notify = queue().publish()};
  }

 private:
  static constexpr unsigned kAtOnce = 16;

  /// Looks at all of a request. One that has as much room for an answer gets itself back.
  std::uint32_t answer(const virtio::Chain& chain) {
    const auto bytes_at = [this](const virtio::Segment& segment) {
      const auto area = queue().memory().area(segment.at, segment.bytes, 1);
      return area.ok() ? area->bytes() : std::span<std::byte>();
    };
    if (chain.readable().size() == 1 && chain.writable().size() == 1 &&
        chain.readable()[0].bytes == chain.writable()[0].bytes) {
      const auto from = bytes_at(chain.readable()[0]), to = bytes_at(chain.writable()[0]);
      if (from.size() != to.size()) return 0;
      std::memcpy(to.data(), from.data(), from.size());
      return static_cast<std::uint32_t>(from.size());
    }
    for (const virtio::Segment& segment : chain.readable()) touch(bytes_at(segment));
    return 0;
  }
};

/// Until told to stop. What `hawser serve` does between requests, or nothing but looking.
template <class Bus>
void serve_bus(Bus& bus, LinkControl& control) {
  constexpr Duration kSpin = microseconds(50);
  while (!control.stop.load(std::memory_order_relaxed)) {
    const auto waiting = static_cast<Waiting>(control.waiting.load(std::memory_order_relaxed));
    if (waiting == Waiting::kPollOnly) {
      for (unsigned n = 0; n < 16; ++n) (void)app::spin_step(bus);
    } else {
      (void)app::serve_turn(bus, waiting == Waiting::kNever ? Duration{} : kSpin);
    }
    const LinkCounters counters = bus.link().counters();
    control.doorbells.store(counters.doorbells, std::memory_order_relaxed);
    control.wakes.store(counters.wakes, std::memory_order_relaxed);
  }
}

template <Link L>
void serve_requests(L& link, LinkControl& control) {
  Taker taker;
  virtio::msg::DeviceBus<L, 1, 1> bus(link);
  if (bus.add(virtio::msg::DeviceRef<RegionMemory>(taker)).ok()) serve_bus(bus, control);
}

}  // namespace hawser::bench
