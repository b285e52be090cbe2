// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The whole driver side against the whole device side with nothing but messages and parcels between them: what runs over
// shared memory runs over a courier, unchanged.
#include "all_devices.hpp"
#include "support/copied_pair.hpp"

#include <hawser/app/use.hpp>
#include <hawser/virtio/courier/device_end.hpp>
#include <hawser/virtio/courier/driver_end.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using namespace hawser;
using namespace hawser::test;

TEST_CASE("all four devices work over a courier, whatever rings either side has") {
  using DriverEnd = virtio::courier::DriverEnd<CopiedEnd>;
  using DeviceEnd = virtio::courier::DeviceEnd<CopiedEnd>;
  constexpr virtio::Features kSplit{virtio::VIRTIO_F_EVENT_IDX, virtio::VIRTIO_F_INDIRECT_DESC};
  constexpr virtio::Features kPacked = kSplit | virtio::Features{virtio::VIRTIO_F_RING_PACKED};
  constexpr std::size_t kMemory = 16 << 20;
  for (const auto& driver_ring : {kSplit, kPacked}) {
    for (const auto& device_ring : {kSplit, kPacked}) {
      for (const std::size_t ring : {std::size_t{16384}, std::size_t{512 * 1024}}) {
        CAPTURE(ring);
        CopiedWorld world;
        std::vector<std::byte> driver_memory(kMemory), device_memory(kMemory), driver_ring_memory(ring);
        CopiedEnd first(world, {}, driver_ring_memory);
        CopiedEnd second(world, {}, std::span(device_memory).first(ring));
        CopiedEnd::connect(first, second);
        std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(kMemory)), device_bitmap(bitmap.size());
        DriverEnd link(first, driver_memory, {.ring = driver_ring});
        DeviceEnd device_link(second, {device_memory, std::span(device_memory).subspan(ring), device_bitmap},
                              {.ring = device_ring});
        std::vector<std::byte> disk(2 << 20);
        AllDevices<DeviceEnd> devices(device_link, disk);
        second.on_idle = [&] { devices.step(); };

        Verdicts verdicts;
        app::UseOptions options{.disk_bytes = 1 << 20};
        options.session.patience = seconds(10);
        CHECK(std::make_unique<app::Use<DriverEnd, Verdicts>>(link, bitmap, verdicts, options)->run());
        CHECK(verdicts.wrong == "");
        CHECK(verdicts.rows == kRowsOfAllDevices);
      }
    }
  }
}
