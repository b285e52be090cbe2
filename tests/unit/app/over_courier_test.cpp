// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The whole driver side against the whole device side with nothing but messages and parcels between them: what runs over
// shared memory runs over a courier, unchanged.
#include "support/copied_pair.hpp"

#include <hawser/app/console_echo.hpp>
#include <hawser/app/net_echo.hpp>
#include <hawser/app/serve.hpp>
#include <hawser/app/use.hpp>
#include <hawser/virtio/courier/device_end.hpp>
#include <hawser/virtio/courier/driver_end.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/console.hpp>
#include <hawser/virtio/device/memory_disk.hpp>
#include <hawser/virtio/device/net.hpp>
#include <hawser/virtio/device/rng.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace hawser;
using hawser::test::CopiedEnd;
using hawser::test::CopiedOptions;
using hawser::test::CopiedWorld;

namespace {

using DriverEnd = virtio::courier::DriverEnd<CopiedEnd>;
using DeviceEnd = virtio::courier::DeviceEnd<CopiedEnd>;

struct Noise {
  std::uint32_t state = 1;
  std::size_t fill(std::span<std::byte> bytes) {
    for (std::byte& b : bytes) b = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    return bytes.size();
  }
};

struct DeviceSide {
  explicit DeviceSide(CopiedEnd& carrier, std::span<std::byte> memory, std::size_t ring,
                      virtio::Features ring_features)
      : bitmap(virtio::Arena::bitmap_words(memory.size())),
        link(carrier, {memory, memory.subspan(ring), bitmap}, {.ring = ring_features}) {
    const virtio::device::ConsolePortConfig<app::ConsoleEcho> ports[] = {{&echoes[0], "echo0", true},
                                                                         {&echoes[1], "echo1", false}};
    console = std::make_unique<virtio::device::Console<RegionMemory, app::ConsoleEcho, 2>>(ports);
    using Ref = virtio::msg::DeviceRef<RegionMemory>;
    REQUIRE(bus.add(Ref(blk)).ok());
    REQUIRE(bus.add(Ref(net)).ok());
    REQUIRE(bus.add(Ref(*console)).ok());
    REQUIRE(bus.add(Ref(rng)).ok());
  }
  void step() {
    while (bus.step()) continue;
    (void)bus.prepare_to_wait();
  }

  std::vector<std::uint64_t> bitmap;
  DeviceEnd link;
  virtio::msg::DeviceBus<DeviceEnd> bus{link};
  std::vector<std::byte> disk_bytes = std::vector<std::byte>(2 << 20);
  virtio::device::MemoryDisk disk{disk_bytes};
  std::unique_ptr<virtio::device::BlkRoom<RegionMemory>> room =
      std::make_unique<virtio::device::BlkRoom<RegionMemory>>();
  virtio::device::Blk<RegionMemory, virtio::device::MemoryDisk> blk{*room, disk};
  app::NetEcho echo;
  virtio::device::Net<RegionMemory, app::NetEcho> net{echo,
                                                      virtio::device::NetConfig{.mac = {2, 0, 0, 0, 0, 1}}};
  app::ConsoleEcho echoes[2];
  std::unique_ptr<virtio::device::Console<RegionMemory, app::ConsoleEcho, 2>> console;
  Noise noise;
  virtio::device::Rng<RegionMemory, Noise> rng{noise};
};

struct Reporter {
  unsigned rows = 0;
  std::string wrong;
  void say(std::string_view sentence) { wrong += std::string(sentence) + "; "; }
  void row(const app::Row& row) {
    ++rows;
    if (!row.verified)
      wrong +=
          std::string(row.device) + " " + std::string(row.operation) + ": " + std::string(row.note) + "; ";
  }
};

}  // namespace

TEST_CASE("all four devices work over a courier, whatever rings either side has") {
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
        DriverEnd link(first, driver_memory, {.ring = driver_ring});
        auto device = std::make_unique<DeviceSide>(second, device_memory, ring, device_ring);
        second.on_idle = [&] { device->step(); };
        std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(link.region().size()));
        Reporter reporter;
        app::UseOptions options{.disk_bytes = 1 << 20};
        options.session.patience = seconds(10);
        const bool good =
            std::make_unique<app::Use<DriverEnd, Reporter>>(link, bitmap, reporter, options)->run();
        CHECK(good);
        CHECK(reporter.wrong == "");
        CHECK(reporter.rows >= 19);
      }
    }
  }
}
