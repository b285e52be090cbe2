// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Every device on one bus, and a reporter that remembers what went wrong: for tests that put a whole driver side to work.
#pragma once

#include <hawser/app/console_echo.hpp>
#include <hawser/app/net_echo.hpp>
#include <hawser/app/report.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/console.hpp>
#include <hawser/virtio/device/memory_disk.hpp>
#include <hawser/virtio/device/net.hpp>
#include <hawser/virtio/device/rng.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hawser::test {

struct Noise {
  std::uint32_t state = 1;
  std::size_t fill(std::span<std::byte> bytes) {
    for (std::byte& b : bytes) b = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    return bytes.size();
  }
};

/// Serves them on a link.
template <Link L>
struct AllDevices {
  explicit AllDevices(L& link, std::span<std::byte> disk_bytes) : bus(link), disk(disk_bytes) {
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

  virtio::msg::DeviceBus<L> bus;
  virtio::device::MemoryDisk disk;
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

/// Rows that one pass over AllDevices has: its disk can not discard.
inline constexpr unsigned kRowsOfAllDevices = 19;

struct Verdicts {
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

}  // namespace hawser::test
