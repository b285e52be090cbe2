// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device's side of a bus as its driver sees it, frame by frame.
#pragma once

#include "frames.hpp"
#include "toy_device.hpp"

#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace hawser::test {

using Ref = virtio::msg::DeviceRef<RegionMemory>;

/// A bus with the devices of the captures, 0 and 5, and a driver that speaks in hexadecimal.
template <std::uint32_t kMtu = 264, std::uint32_t kDepth = 8>
class Bus {
 public:
  explicit Bus(virtio::msg::DeviceBusOptions options = {}, virtio::msg::DeviceOptions device = {})
      : bus(pair.second(), options) {
    storage.region.fill(std::byte{0});
    REQUIRE(bus.add(Ref(zero), device, 0).ok());
    REQUIRE(bus.add(Ref(five), device, 5).ok());
    connect();
  }

  void connect() {
    for (int i = 0; i < 20 && (pair.first().state() != LinkState::kUp || !bus.up()); ++i) {
      (void)pair.first().poll();
      (void)bus.step();
      pair.advance(milliseconds(1));
    }
    REQUIRE(bus.up());
  }

  bool send(std::string_view text) {
    const auto bytes = frame(text);
    const std::span<const std::byte> parts[] = {bytes};
    return pair.first().channel().try_send(parts).ok();
  }

  /// "" when nothing waits.
  std::string receive() {
    std::array<std::byte, kMtu> buffer;
    const auto size = pair.first().channel().try_receive(buffer);
    return size.ok() ? hex(std::span(buffer).first(*size)) : "";
  }

  void run() {
    (void)pair.first().poll();
    for (int i = 0; i < 3; ++i) (void)bus.step();
  }

  /// Sends one frame; everything that came back, frames separated by a blank.
  std::string ask(std::string_view text) {
    REQUIRE(send(text));
    run();
    std::string all;
    for (std::string one = receive(); !one.empty(); one = receive()) all += (all.empty() ? "" : " ") + one;
    return all;
  }

  std::string status(unsigned value) {
    char request[64];
    std::snprintf(request, sizeof request, "0008 0500 0102 0c00 %02x000000", value);
    const auto answer = ask(request);
    REQUIRE(answer.size() == 24);
    CHECK(answer.substr(0, 16) == "0108050001020c00");
    return answer.substr(16);
  }

  /// Device 5 up to FEATURES_OK with the given blocks 0 and 1.
  void negotiate(std::string_view block0 = "00000000", std::string_view block1 = "03000000") {
    CHECK(status(0) == "00000000");
    CHECK(status(1) == "01000000");
    CHECK(status(3) == "03000000");
    const std::string set =
        "0004 0500 0202 1800 00000000 02000000 " + std::string(block0) + std::string(block1);
    CHECK(ask(set) == "0104050002020800");
    CHECK(status(11) == "0b000000");
  }

  std::string set_queue(std::string_view index, std::string_view flags, std::string_view size,
                        std::string_view reserved = "00000000",
                        std::string_view addresses = "0010000000000000 0020000000000000 0030000000000000") {
    std::string text = "000a 0500 0302 3000";
    for (const auto part : {index, flags, size, reserved, addresses}) text += std::string(part);
    return ask(text);
  }
  std::string queue(std::string_view index = "00000000") {
    const auto answer = ask("0009 0500 0402 0c00" + std::string(index));
    REQUIRE(answer.size() == 96);
    CHECK(answer.substr(0, 16) == "0109050004023000");
    return answer.substr(16);
  }

  loopback::Storage<kMtu, kDepth> storage;
  loopback::Pair pair{storage};
  ToyDevice zero;
  ToyDevice five;
  virtio::msg::DeviceBus<loopback::Link, 32> bus;
};

inline constexpr const char* kEmptyResponse = "010a050003020800";
inline constexpr const char* kUnconfigured =
    "00000000"
    "10000000"
    "00000000"
    "00000000"
    "000000000000000000000000000000000000000000000000";
inline constexpr const char* kEnabled =
    "00000000"
    "10000000"
    "08000000"
    "01000000"
    "001000000000000000200000000000000030000000000000";

}  // namespace hawser::test
