// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "native/mirror.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <vector>

using hawser::bench::LinkControl;
using hawser::bench::Mirror;
using hawser::virtio::device::NetSent;

namespace {

NetSent send(Mirror& mirror, std::byte first, std::size_t bytes) {
  const std::vector<std::byte> head(12, first), rest(bytes - 12, std::byte{7});
  const std::array<std::span<const std::byte>, 2> parts{head, rest};
  return mirror.send(0, {}, parts);
}

}  // namespace

TEST_CASE("a mirror that is off counts frames and keeps none") {
  LinkControl control;
  Mirror mirror(control);
  for (unsigned n = 0; n < 1000; ++n) CHECK(send(mirror, std::byte{1}, 64) == NetSent::kSent);
  CHECK(control.frames.load() == 1000);
  CHECK(mirror.front(0).bytes.empty());
}

TEST_CASE("a mirror that is on gives frames back in order, whole, and is busy when it is full") {
  LinkControl control;
  control.mirror = true;
  Mirror mirror(control);
  unsigned taken = 0;
  while (mirror.can_send(0)) CHECK(send(mirror, std::byte(taken++), 100) == NetSent::kSent);
  CHECK(taken == 256);
  CHECK(send(mirror, std::byte{1}, 100) == NetSent::kBusy);
  CHECK(control.frames.load() == taken);
  for (unsigned n = 0; n < taken; ++n) {
    const auto frame = mirror.front(0);
    REQUIRE(frame.bytes.size() == 100);
    CHECK(frame.bytes[11] == std::byte(n));
    CHECK(frame.bytes[12] == std::byte{7});
    mirror.pop(0);
  }
  CHECK(mirror.front(0).bytes.empty());
}

TEST_CASE("a frame that is longer than a mirror is dropped") {
  LinkControl control;
  Mirror mirror(control);
  CHECK(send(mirror, std::byte{1}, Mirror::kMostBytes + 1) == NetSent::kDropped);
  CHECK(control.frames.load() == 0);
}

TEST_CASE("a driver that starts anew gets no frame from before") {
  LinkControl control;
  control.mirror = true;
  Mirror mirror(control);
  CHECK(send(mirror, std::byte{1}, 64) == NetSent::kSent);
  mirror.start({}, 1);
  CHECK(mirror.front(0).bytes.empty());
}
