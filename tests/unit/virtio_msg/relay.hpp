// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A driver's bus and a device's bus with somebody in between, who sees every frame and may change, drop, hold back,
// repeat or invent them. Two loopback links over one region.
#pragma once

#include "frames.hpp"
#include "toy_device.hpp"

#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace hawser::test {

using TestLink = loopback::Link;
using Driver = virtio::msg::DriverDevice<TestLink>;

class Relay {
 public:
  using Frames = std::vector<Bytes>;
  /// What goes on instead of one frame: often just that one.
  using Filter = std::function<Frames(Bytes)>;

  static constexpr std::size_t kRegion = 65536;

  explicit Relay(virtio::msg::DriverBusOptions driver_options = {},
                 virtio::msg::DeviceBusOptions device_options = {}, std::uint32_t mtu = 264,
                 std::uint32_t depth = 64)
      : shape_{mtu, depth},
        control_{Words(loopback::control_bytes(shape_) / 8), Words(loopback::control_bytes(shape_) / 8)},
        driver_pair(shape_, bytes(control_[0]), region(), region()),
        device_pair(shape_, bytes(control_[1]), region(), region()),
        driver(driver_pair.first(), driver_options),
        devices(device_pair.second(), device_options) {
    driver_pair.second().on_idle([](void* self) { static_cast<Relay*>(self)->step(); }, this);
    REQUIRE(devices.add(virtio::msg::DeviceRef<RegionMemory>(toy), {}, 5).ok());
  }

  void connect() {
    for (int i = 0; i < 20 && !devices.up(); ++i) {
      (void)device_pair.first().poll();
      (void)devices.step();
      device_pair.advance(milliseconds(1));
    }
    REQUIRE(devices.up());
    REQUIRE(driver.wait_up(driver_pair.first().now() + seconds(10)).ok());
    step();
    REQUIRE(driver_pair.second().state() == LinkState::kUp);
  }

  /// Carries what waits, both ways.
  void step() {
    auto& to_driver = driver_pair.second();
    auto& to_device = device_pair.first();
    (void)to_driver.poll();
    (void)to_device.poll();
    for (Bytes frame; receive(to_driver, frame);) {
      requests.push_back(frame);
      for (const Bytes& out : on_request(frame)) (void)send(to_device, out);
    }
    for (int i = 0; i < 4; ++i) (void)devices.step();
    for (Bytes frame; receive(to_device, frame);) {
      for (const Bytes& out : on_response(frame)) inject(out);
      (void)devices.step();
    }
    const Marks marks = to_device.bell().take();
    for (unsigned n = 0; n < Mark::kCount; ++n) {
      if ((marks >> n & 1) != 0) to_driver.bell().ring(Mark(n));
    }
    (void)to_driver.bell().take();
  }

  /// Sends a frame to the driver out of the blue.
  bool inject(const Bytes& frame) { return send(driver_pair.second(), frame); }
  void inject(std::string_view text) { REQUIRE(inject(test::frame(text))); }

  virtio::Arena& arena() { return arena_; }
  std::span<std::byte> region() { return bytes(*region_); }

  /// Requests of that type and id which the driver has sent.
  std::size_t sent(std::uint8_t type, std::uint8_t id) const {
    std::size_t count = 0;
    for (const Bytes& frame : requests) {
      count += frame.size() > 1 && frame[0] == std::byte{type} && frame[1] == std::byte{id};
    }
    return count;
  }

  static Frames as_it_is(Bytes frame) { return {std::move(frame)}; }
  static Frames nothing(const Bytes&) { return {}; }

 private:
  using Words = std::vector<std::uint64_t>;
  struct alignas(4096) Page {
    std::array<std::byte, kRegion> bytes;
  };

  static std::span<std::byte> bytes(Words& words) { return std::as_writable_bytes(std::span(words)); }
  static std::span<std::byte> bytes(Page& page) { return page.bytes; }

  static bool receive(TestLink& link, Bytes& frame) {
    frame.resize(512);
    const auto size = link.channel().try_receive(frame);
    frame.resize(size.ok() ? *size : 0);
    return size.ok();
  }
  static bool send(TestLink& link, const Bytes& frame) {
    const std::span<const std::byte> parts[] = {frame};
    const bool sent = link.channel().try_send(parts).ok();
    link.bell().ring();
    return sent;
  }

  loopback::Shape shape_;
  std::unique_ptr<Page> region_ = std::make_unique<Page>();
  std::array<Words, 2> control_;

 public:
  loopback::Pair driver_pair;
  loopback::Pair device_pair;
  virtio::msg::DriverBus<TestLink> driver;
  ToyDevice toy;
  virtio::msg::DeviceBus<TestLink, 32> devices;
  Filter on_request = as_it_is;
  Filter on_response = as_it_is;
  Frames requests;

 private:
  std::array<std::uint64_t, virtio::Arena::bitmap_words(kRegion)> bitmap_{};
  virtio::Arena arena_{Offset(4096), kRegion - 4096, bitmap_};
};

}  // namespace hawser::test
