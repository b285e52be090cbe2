// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver of one device: configuration that changes while it is read, lies outside, or must be written.
#include "driver_frames.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

TEST_CASE("a device whose configuration changes during each read: three attempts, then an error") {
  Relay relay({}, {}, 64);  // 44 bytes of configuration in a message
  relay.toy = ToyDevice(100);
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  std::array<std::byte, 100> config{};
  REQUIRE(device.driver.read_config(0, config).ok());
  for (std::size_t i = 0; i < config.size(); ++i) CHECK(config[i] == static_cast<std::byte>(i));
  CHECK(relay.sent(0, VIRTIO_MSG_GET_CONFIG) == 3);

  relay.requests.clear();
  relay.toy.changes_at_each_read = true;
  CHECK(device.driver.read_config(0, config).error() == TransportError::kUnstableConfig);
  CHECK(relay.sent(0, VIRTIO_MSG_GET_CONFIG) == 6);

  // What fits into one message is consistent by itself.
  CHECK(device.driver.read_config(0, std::span(config).first(44)).ok());
}

TEST_CASE("a configuration that changes once between two pieces is read again") {
  Relay relay({}, {}, 64);
  relay.toy = ToyDevice(60);
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  bool changed = false;
  relay.on_response = [&](Bytes frame) {
    if (starts(frame, 1, VIRTIO_MSG_GET_CONFIG) && !std::exchange(changed, true)) {
      relay.toy.config.assign(60, std::byte{0xee});
      relay.toy.config_changed = true;
    }
    return Relay::Frames{frame};
  };
  std::array<std::byte, 60> config{};
  REQUIRE(device.driver.read_config(0, config).ok());
  for (const std::byte b : config) CHECK(b == std::byte{0xee});
  CHECK(device.driver.take_config_change());
  CHECK_FALSE(device.driver.take_config_change());
}

TEST_CASE("nothing outside the configuration space is asked for") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  relay.requests.clear();
  std::array<std::byte, 41> bytes{};
  CHECK(device.driver.read_config(0, bytes).error() == TransportError::kOutOfRange);
  CHECK(device.driver.read_config(0xffffffff, std::span(bytes).first(2)).error() ==
        TransportError::kOutOfRange);
  CHECK(device.driver.write_config(40, std::span(bytes).first(1)).error() == TransportError::kOutOfRange);
  CHECK(device.driver.read_config(40, {}).ok());
  CHECK(relay.requests.empty());
  // The device's refusal to write there.
  CHECK(device.driver.write_config(20, std::span(bytes).first(1)).error() == TransportError::kOutOfRange);
}

TEST_CASE("baseline writes carry generation 0; strict ones the latest, and try again when it is not") {
  Relay baseline;
  baseline.connect();
  Device first(baseline);
  REQUIRE(first.ready().ok());
  baseline.toy.config_changed = true;
  const std::array<std::byte, 2> data{std::byte{7}, std::byte{8}};
  REQUIRE(first.driver.write_config(1, data).ok());
  CHECK(baseline.toy.config[2] == std::byte{8});
  CHECK(hex(std::span(baseline.requests.back()).subspan(8, 4)) == "00000000");

  Relay strict({.strict_config = true}, {.strict_config = true});
  strict.connect();
  Device second(strict);
  REQUIRE(second.ready().ok());
  unsigned changes = 0;
  strict.on_request = [&](Bytes frame) {
    if (starts(frame, 0, VIRTIO_MSG_SET_CONFIG) && changes < 2) {
      ++changes;
      strict.toy.config_changed = true;
    }
    return Relay::Frames{frame};
  };
  REQUIRE(second.driver.write_config(1, data).ok());
  CHECK(strict.sent(0, VIRTIO_MSG_SET_CONFIG) == 3);
  CHECK(strict.toy.config[2] == std::byte{8});
  changes = 0;
  strict.on_request = [&](Bytes frame) {
    strict.toy.config_changed |= starts(frame, 0, VIRTIO_MSG_SET_CONFIG);
    return Relay::Frames{frame};
  };
  CHECK(second.driver.write_config(1, data).error() == TransportError::kUnstableConfig);
}
