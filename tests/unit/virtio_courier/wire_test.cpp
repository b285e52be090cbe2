// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Captured parcels, byte by byte, against the tables of docs/wire/argo-bus.md.
#include "rig.hpp"

#include "../virtio_msg/toy_device.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;

namespace {

std::vector<unsigned> bytes_of(const Parcel& parcel) {
  std::vector<unsigned> bytes;
  for (const auto& part : parcel.parts)
    for (const std::byte byte : part) bytes.push_back(std::to_integer<unsigned>(byte));
  return bytes;
}

unsigned number(const std::vector<unsigned>& bytes, std::size_t at, std::size_t count) {
  unsigned value = 0;
  for (std::size_t n = count; n-- > 0;) value = value << 8 | bytes.at(at + n);
  return value;
}

}  // namespace

TEST_CASE("parcels on the wire are what the tables say") {
  ToyDevice model;
  CourierRig rig({.max_chain = 0x1234});
  REQUIRE(rig.devices.add(msg::DeviceRef<RegionMemory>(model), {}, 3).ok());

  rig.connect();
  CourierDriver device(rig.driver, 3, rig.arena);
  REQUIRE(device.negotiate({ToyDevice::kFeatureA}).ok());
  std::array<DriverSlot, 16> slots;
  REQUIRE(device.start_queue(0, 16, slots).ok());
  auto queue = device.start_queue(1, 16, slots);
  REQUIRE(queue.ok());
  REQUIRE(device.start().ok());

  rig.second.on_idle = nullptr;
  const auto at = rig.arena.allocate(128);
  const auto text = rig.at(*at, 5);
  std::memcpy(text.data(), "hello", 5);
  const Segment readable[] = {{*at, 2}, {*at + 2, 3}};
  const Segment writable[] = {{*at + 64, 6}, {*at + 80, 1}};
  REQUIRE(queue->try_add(readable, writable, Token{1}).ok());
  if (queue->publish()) device.notify(1, 0);

  const auto asked = rig.second.parcels().try_receive();
  REQUIRE(asked.ok());
  const auto request = bytes_of(*asked);
  REQUIRE(request.size() == 8 + 24 + 5);
  CHECK(request[0] == 2);                                              // REQUESTS
  CHECK(request[1] == 1);                                              // version
  CHECK(number(request, 2, 2) == 1);                                   // count
  CHECK(number(request, 4, 4) == rig.first.counters().messages_sent);  // control
  CHECK(number(request, 8 + 0, 2) == 3);                               // device
  CHECK(number(request, 8 + 2, 2) == 1);                               // queue
  const unsigned chain = number(request, 8 + 4, 2);
  CHECK(number(request, 8 + 6, 2) == 0);   // reserved
  CHECK(number(request, 8 + 8, 4) == 5);   // length
  CHECK(number(request, 8 + 12, 4) == 7);  // writable
  CHECK(number(request, 8 + 16, 4) == 0);  // at
  CHECK(number(request, 8 + 20, 4) == 5);  // bytes
  CHECK(std::string(request.begin() + 32, request.end()) == "hello");
  rig.second.parcels().release(asked->number);

  // A completion written by hand from the tables is understood.
  std::vector<std::byte> answer;
  const auto put = [&](unsigned value, unsigned bytes) {
    for (unsigned n = 0; n < bytes; ++n) answer.push_back(static_cast<std::byte>(value >> (8 * n)));
  };
  put(3, 1);  // COMPLETIONS
  put(1, 1);
  put(1, 2);
  put(static_cast<unsigned>(rig.second.counters().messages_sent), 4);
  put(3, 2);
  put(1, 2);
  put(chain, 2);
  put(0, 2);
  put(7, 4);
  put(0, 4);
  put(0, 4);
  put(7, 4);
  for (const char c : std::string("goodbye")) put(static_cast<unsigned char>(c), 1);
  const std::span<const std::byte> parts[] = {answer};
  REQUIRE(rig.second.parcels().try_send(parts).ok());
  (void)rig.driver.pump();
  const auto reaped = queue->try_reap();
  REQUIRE(reaped.ok());
  CHECK(reaped->written == 7);
  CHECK(std::memcmp(rig.at(*at + 64, 6).data(), "goodby", 6) == 0);
  CHECK(std::memcmp(rig.at(*at + 80, 1).data(), "e", 1) == 0);
}

TEST_CASE("the device side's first parcel tells its limits") {
  CourierRig rig({.max_chain = 0x1234});
  rig.second.on_idle = nullptr;
  for (unsigned n = 0; n < 4; ++n) {
    (void)rig.first.poll();
    (void)rig.devices.step();
  }
  const auto first = rig.first.parcels().try_receive();
  REQUIRE(first.ok());
  const auto limits = bytes_of(*first);
  REQUIRE(limits.size() == 16);
  CHECK(limits[0] == 1);
  CHECK(limits[1] == 1);
  CHECK(number(limits, 2, 2) == 0);
  CHECK(number(limits, 4, 4) == 0);
  CHECK(number(limits, 8, 4) == 0x1234);
  CHECK(number(limits, 12, 2) == 64);
  CHECK(number(limits, 14, 2) == 0);
}
