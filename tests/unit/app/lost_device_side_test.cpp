// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device side that is lost at moments when no driver runs yet.
#include <hawser/app/use.hpp>
#include <hawser/ivshmem/link.hpp>
#include <hawser/virtio/device/rng.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <support/fake_port.hpp>
#include <vector>

using namespace hawser;
using hawser::test::FakePort;
using hawser::test::FakeWindow;

namespace {

using FakeLink = ivshmem::Link<FakePort>;

struct Noise {
  std::uint32_t state = 1;
  std::size_t fill(std::span<std::byte> bytes) {
    for (std::byte& b : bytes) b = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    return bytes.size();
  }
};

struct LosableSide {
  explicit LosableSide(FakeWindow& window) : port(window, 3), link(port, {.role = ivshmem::Role::kDevice}) {
    (void)bus.add(virtio::msg::DeviceRef<RegionMemory>(first));
    (void)bus.add(virtio::msg::DeviceRef<RegionMemory>(second));
  }
  FakePort port;
  FakeLink link;
  Noise noise;
  virtio::device::Rng<RegionMemory, Noise> first{noise}, second{noise};
  virtio::msg::DeviceBus<FakeLink> bus{link};
};

struct Reporter {
  std::function<void()> on_row = [] {};
  std::string said;
  void say(std::string_view sentence) { said += sentence; }
  void row(const app::Row& row) {
    if (!row.verified) said += row.note;
    on_row();
  }
};

/// The driver's side of two entropy devices, and a device side that a test takes away and gives back.
struct Rig {
  FakeWindow window{1 << 20};
  FakePort port{window, 7};
  FakeLink link{port, {.role = ivshmem::Role::kDriver}};
  std::vector<std::uint64_t> bitmap =
      std::vector<std::uint64_t>(virtio::Arena::bitmap_words(link.region().size()));
  std::optional<LosableSide> device;
  Reporter reporter;

  bool use() {
    app::UseOptions options;
    options.session.patience = seconds(10);
    return std::make_unique<app::Use<FakeLink, Reporter>>(link, bitmap, reporter, options)->run();
  }
};

}  // namespace

TEST_CASE("a device side that is lost while its devices are looked for is waited for") {
  Rig rig;
  rig.device.emplace(rig.window);
  unsigned turns = 0;
  rig.port.idle = [&] {
    ++turns;
    if (turns == 300) rig.device.reset();
    if (turns == 900) rig.device.emplace(rig.window);
    if (!rig.device) return;
    if (turns < 300)
      rig.device->link.poll();  // lives, and answers nothing
    else
      rig.device->bus.step();
  };
  CHECK(rig.use());
  CHECK(rig.reporter.said == "");
}

TEST_CASE("a device side that is lost between two devices is waited for") {
  Rig rig;
  rig.device.emplace(rig.window);
  unsigned away = 0;
  bool was_away = false;
  rig.reporter.on_row = [&] {
    if (std::exchange(was_away, true)) return;
    rig.device.reset();
    away = 600;
  };
  rig.port.idle = [&] {
    if (away != 0 && --away == 0) rig.device.emplace(rig.window);
    if (rig.device) rig.device->bus.step();
  };
  CHECK(rig.use());
  CHECK(rig.reporter.said == "");
}
