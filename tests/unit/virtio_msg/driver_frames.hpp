// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A driver whose frames and answers a test can change on their way.
#pragma once

#include "relay.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <span>

namespace hawser::test {

inline constexpr virtio::Features kWanted{ToyDevice::kFeatureA, ToyDevice::kFeatureB,
                                          virtio::VIRTIO_F_RING_RESET};
inline constexpr virtio::msg::DriverBusOptions kHasty{.timeout = milliseconds(60)};

inline bool starts(const Bytes& frame, std::uint8_t type, std::uint8_t id) {
  return frame.size() >= 8 && frame[0] == std::byte{type} && frame[1] == std::byte{id};
}

/// Changes the frames of one kind, leaves the others.
template <class Change>
Relay::Filter changing(std::uint8_t type, std::uint8_t id, Change change) {
  return [=](Bytes frame) -> Relay::Frames {
    if (starts(frame, type, id)) change(frame);
    return {frame};
  };
}

inline void set32(Bytes& frame, std::size_t at, std::uint32_t value) {
  REQUIRE(write_wire(std::span(frame).subspan(at), le32(value)));
}

struct Device {
  explicit Device(Relay& over) : relay(over), driver(over.driver, 5, over.arena()) {}

  Result<void, virtio::TransportError> ready() {
    HAWSER_TRY(features, driver.negotiate(kWanted));
    (void)features;
    HAWSER_TRY(queue, driver.start_queue(0, 8, slots));
    (void)queue;
    return driver.start();
  }
  Instant now() { return relay.driver_pair.first().now(); }

  Relay& relay;
  std::array<virtio::DriverSlot, 16> slots;
  Driver driver;
};

}  // namespace hawser::test
