// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kernel_end.hpp"

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::test;
using ivshmem::QueueKind;

TEST_CASE("kernel end: goes up with the core's, whoever is first, in both queue layouts") {
  for (QueueKind kind : {QueueKind::kPlain, QueueKind::kSelfDescribing}) {
    for (bool driver_first : {true, false}) {
      KernelPair pair(kind);
      driver_first ? pair.start_driver() : pair.start_device();
      pair.run(300);
      driver_first ? pair.start_device() : pair.start_driver();
      pair.run(200);
      REQUIRE(pair.both_up());
      CHECK(pair.driver->epoch().own == pair.device->epoch().peer);
      CHECK(pair.driver->epoch().peer == pair.device->epoch().own);
      CHECK(pair.driver->mtu == 64);
      CHECK(pair.driver->events == "u");
      pair.run(20'000);
      CHECK(pair.driver->events == "u");
      CHECK(pair.device_events == "u");
    }
  }
}

TEST_CASE("kernel end: both ends see the same data") {
  KernelPair pair;
  pair.both_start();
  std::size_t bytes = 0;
  void* data = hawser_region_data(&pair.driver->region(), &bytes);
  CHECK(bytes == pair.device->region().size());
  CHECK(data == pair.device->region().area(Offset(0), bytes, 1)->bytes().data());
}

TEST_CASE("kernel end: a device that dies is noticed, and its successor met in a new epoch") {
  KernelPair pair;
  pair.both_start();
  for (int n = 0; n < 3; ++n) {
    const Epoch before = pair.driver->epoch();
    pair.kill_device();
    pair.run(2900);
    CHECK(pair.driver->up());
    pair.run(200);
    CHECK_FALSE(pair.driver->up());
    pair.start_device(static_cast<std::uint16_t>(10 + n));
    pair.run(700);
    REQUIRE(pair.both_up());
    CHECK(pair.driver->epoch() != before);
  }
  CHECK(pair.driver->events == "udududu");
}

TEST_CASE("kernel end: a device that is replaced at once is a new epoch too") {
  KernelPair pair;
  pair.both_start();
  pair.start_device();
  pair.run(200);
  CHECK(pair.both_up());
  CHECK(pair.driver->events == "udu");
}

TEST_CASE(
    "kernel end: when it leaves, the device sees it at once; when it returns, no pair of epochs returns") {
  KernelPair pair;
  pair.both_start();
  const Epoch before = pair.driver->epoch();
  const auto rings = pair.driver->port.rings;
  pair.driver->leave();
  CHECK(pair.driver->port.rings == rings + 1);
  SUBCASE("after a while") {
    pair.run(2);
    CHECK(pair.device->state() == LinkState::kDown);
    CHECK(pair.driver->send(1) == -ENOTCONN);
    pair.start_driver();
  }
  SUBCASE("before the device has looked") {
    pair.start_driver();
  }
  SUBCASE("before the device has looked, after somebody wiped out who was here") {
    std::memset(pair.window.bytes().data() + 4096 + 8192 + 0x40, 0, 64);
    pair.start_driver();
  }
  SUBCASE("as the same object, after a suspend") {
    pair.run(5000);
    CHECK(hawser_region_start(&pair.driver->region(), pair.window.now_ns) == HAWSER_REGION_NOTHING);
  }
  pair.run(200);
  REQUIRE(pair.both_up());
  CHECK(pair.driver->epoch() != before);
  CHECK(pair.driver->epoch().own > before.own);
  CHECK(pair.device_events == "udu");
}

TEST_CASE("kernel end: a device that was only slow sees the gap too") {
  KernelPair pair;
  pair.both_start();
  for (int n = 0; n < 4000; ++n) {
    pair.window.now_ns += 1'000'000;
    pair.driver->poll();
  }
  CHECK(pair.driver->events == "ud");
  pair.run(200);
  CHECK(pair.both_up());
  CHECK(pair.device_events == "udu");
}

TEST_CASE("kernel end: a device that forgets who it was up with meets a new epoch of ours") {
  KernelPair pair;
  pair.both_start();
  const Epoch before = pair.driver->epoch();
  const std::uint64_t forgot = std::uint64_t{before.peer} << 32;
  std::memcpy(pair.window.bytes().data() + 4096 + 0x50, &forgot, sizeof forgot);
  pair.driver->poll();
  CHECK(pair.driver->events == "ud");
  CHECK(pair.driver->epoch().own == before.own + 1);
}

TEST_CASE("kernel end: another party that took the device's place under the same epoch is a new peer") {
  KernelPair pair;
  pair.both_start();
  const Epoch before = pair.driver->epoch();
  const std::uint32_t another = 12;
  std::memcpy(pair.window.bytes().data() + 4096 + 0x48, &another, sizeof another);
  CHECK(hawser_region_stale(&pair.driver->region()));  // between two polls as well
  pair.driver->poll();
  CHECK(pair.driver->events == "ud");
  CHECK(pair.driver->epoch().own == before.own + 1);
}

TEST_CASE("kernel end: does not go up with another device than the one it made room for") {
  KernelPair pair;
  pair.start_device(3);
  pair.device->poll();
  pair.start_driver();
  pair.driver->poll();  // answers 3
  const Epoch answered = pair.driver->epoch();
  REQUIRE(answered.peer != 0);
  pair.device->poll();  // answers it
  const std::uint32_t another = 12;
  std::memcpy(pair.window.bytes().data() + 4096 + 0x48, &another, sizeof another);
  pair.driver->poll();
  CHECK_FALSE(pair.driver->up());
  CHECK(pair.driver->epoch().own == answered.own + 1);
}

TEST_CASE("kernel end: beats at every poll, and at no other time") {
  KernelPair pair;
  pair.both_start();
  const auto beats = pair.driver->region().beats;
  for (int n = 0; n < 10; ++n) pair.driver->send(1);
  CHECK(pair.driver->region().beats == beats);
  pair.driver->poll();
  CHECK(pair.driver->region().beats == beats + 1);
}

TEST_CASE("kernel end: several links in one window, and a window that somebody else has divided") {
  FakeWindow window(4 << 20);
  KernelEnd second(window, 7, 1, 3);
  CHECK(second.region().state == HAWSER_REGION_DOWN);
  FakePort port(window, 3);
  ivshmem::Link<FakePort> device(port, {.role = ivshmem::Role::kDevice, .number = 1, .links_if_new = 1});
  for (int n = 0; n < 200; ++n) {
    window.now_ns += 1'000'000;
    second.poll();
    device.poll();
  }
  CHECK(second.up());

  KernelEnd fourth(window, 8, 3);
  CHECK(fourth.region().state == HAWSER_REGION_BROKEN);
  CHECK(std::string(fourth.region().reason) ==
        "the window was divided into fewer links than the number of this one");
}

TEST_CASE("kernel end: its name, and the other's, however written") {
  KernelPair pair;
  pair.both_start();
  char name[HAWSER_NAME_BYTES + 1];
  hawser_region_peer_name(&pair.driver->region(), name);
  CHECK(std::string(name) == "the core");
  auto* driver_block = pair.window.bytes().data() + 4096 + 8192 + 0x40;
  CHECK(std::memcmp(driver_block + 0x20, "kernel \xc3\xa4\0\0", 11) == 0);
  std::memset(pair.window.bytes().data() + 4096 + 0x40 + 0x20, 0x1b, HAWSER_NAME_BYTES);
  hawser_region_peer_name(&pair.driver->region(), name);
  CHECK(std::string(name) == std::string(HAWSER_NAME_BYTES, '?'));
}
