// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both sides in threads of their own, sleeping for real: a wake-up that gets lost between looking and sleeping shows as
// time here, and a data race under the thread sanitizer.
#include "toy_device.hpp"

#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

namespace {

/// The event loop of a device's side, as a program has it.
void serve(loopback::Link& link, ToyDevice& toy, const DeviceBusOptions& options,
           const std::atomic<bool>& stop) {
  DeviceBus<loopback::Link> bus(link, options);
  if (!bus.add(DeviceRef<RegionMemory>(toy), {}, 2).ok()) return;
  while (!stop.load()) {
    if (!bus.step()) (void)bus.wait(link.now() + milliseconds(20));
  }
}

}  // namespace

TEST_CASE(
    "2000 requests, each waited for: none waits for the poll interval, by marks and by messages, split and "
    "packed") {
  for (const auto notification : {Notification::kMarks, Notification::kMessages}) {
    for (const Features ring : {Features{VIRTIO_F_EVENT_IDX}, Features{VIRTIO_F_RING_PACKED}}) {
      auto storage = std::make_unique<loopback::Storage<>>();
      loopback::Pair pair(*storage, {.silence = seconds(30)});
      ToyDevice toy;
      std::atomic<bool> stop{false};
      std::thread devices([&] { serve(pair.second(), toy, {.notification = notification}, stop); });

      std::array<std::uint64_t, Arena::bitmap_words(65536)> bitmap{};
      Arena arena(Offset(0), 65536, bitmap);
      DriverBus<loopback::Link> bus(pair.first(), {.notification = notification});
      std::array<DriverSlot, 4> slots;
      [&] {
        REQUIRE(bus.wait_up(bus.link().now() + seconds(10)).ok());
        DriverDevice<loopback::Link> device(bus, 2, arena);
        REQUIRE(device.negotiate(ring).ok());
        auto queue = device.start_queue(0, 4, slots);
        REQUIRE(queue.ok());
        REQUIRE(device.start().ok());
        const Segment readable[] = {{*arena.allocate(64), 4}};
        const Segment writable[] = {{*arena.allocate(64), 4}};
        unsigned slow = 0;
        for (std::uint32_t n = 0; n < 2000; ++n) {
          const le32 word = n;
          pair.first().region().area(readable[0].at, 4, 4)->write(0, wire_bytes(word));
          REQUIRE(queue->try_add(readable, writable, Token{n}).ok());
          if (queue->publish()) device.notify(0, queue->next_offset());
          const Instant begin = bus.link().now();
          const Instant deadline = begin + seconds(10);
          for (auto reaped = queue->try_reap(); !reaped.ok(); reaped = queue->try_reap()) {
            REQUIRE(reaped.error() == TakeError::kNothing);
            REQUIRE(bus.link().now() < deadline);
            if (!queue->arm()) (void)device.wait(deadline);
          }
          le32 back = 0;
          pair.first()
              .region()
              .area(writable[0].at, 4, 4)
              ->read(0, std::as_writable_bytes(std::span(&back, 1)));
          REQUIRE(back == n);
          if (elapsed(begin, bus.link().now()) >= milliseconds(45)) ++slow;
          if (n % 100 == 0) REQUIRE(bus.ping().ok());
        }
        // A lost wake-up is made good by the poll interval, 50 ms. A busy machine may take that long now and then.
        CHECK(slow < 100);
        REQUIRE(device.reset().ok());
      }();
      stop.store(true);
      devices.join();
    }
  }
}
