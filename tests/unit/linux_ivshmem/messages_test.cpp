// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kernel_end.hpp"

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::test;
using ivshmem::QueueKind;

TEST_CASE("kernel end: messages arrive whole, once, in order, both ways, in both queue layouts") {
  for (QueueKind kind : {QueueKind::kPlain, QueueKind::kSelfDescribing}) {
    KernelPair pair(kind);
    pair.both_start();
    for (int n = 0; n < 1000; ++n) {
      const auto fill = static_cast<unsigned char>(n);
      CHECK(pair.driver->send(fill) == 0);
      CHECK_FALSE(hawser_region_waiting(&pair.driver->region()));
      CHECK(pair.device_sends(static_cast<unsigned char>(fill + 1)));
      CHECK(hawser_region_waiting(&pair.driver->region()));
      CHECK(pair.device_receives() == fill);
      CHECK(pair.driver->receive() == static_cast<unsigned char>(fill + 1));
    }
    CHECK(pair.device_receives() == -1);
    CHECK(pair.driver->receive() == -EAGAIN);
  }
}

TEST_CASE("kernel end: a message is padded with zeros, and one that is too long refused") {
  KernelPair pair;
  pair.both_start();
  for (int round = 0; round < 130; ++round) {  // each slot, twice
    REQUIRE(pair.driver->send(0xee, 64) == 0);
    REQUIRE(pair.device_receives() == 0xee);
  }
  REQUIRE(pair.driver->send(0xaa, 10) == 0);
  std::array<std::byte, 64> m;
  REQUIRE(pair.device->channel().try_receive(m).ok());
  for (std::size_t at = 10; at < m.size(); ++at) CHECK(m[at] == std::byte{0});
  CHECK(pair.driver->send(1, 65) == -EMSGSIZE);
}

TEST_CASE(
    "kernel end: a full queue says so, keeps what is in it, and the receiver rings when there is room") {
  for (QueueKind kind : {QueueKind::kPlain, QueueKind::kSelfDescribing}) {
    KernelPair pair(kind);
    pair.both_start();
    unsigned sent = 0;
    while (pair.driver->send(static_cast<unsigned char>(sent)) == 0) ++sent;
    CHECK(sent == (kind == QueueKind::kPlain ? 61 : 63));
    CHECK(pair.driver->send(0) == -EAGAIN);
    const auto rings = pair.device_port->rings;
    CHECK(pair.device_receives() == 0);
    CHECK(pair.device_port->rings == rings + 1);
    CHECK(pair.driver->send(99) == 0);

    // The other way round.
    unsigned got = 0;
    while (pair.device_sends(static_cast<unsigned char>(got))) ++got;
    const auto before = pair.driver->port.rings;
    CHECK(pair.driver->receive() == 0);
    CHECK(pair.driver->port.rings == before + 1);
    CHECK(pair.driver->receive() == 1);
    CHECK(pair.driver->port.rings == before + 1);
  }
}

TEST_CASE("kernel end: nothing of an epoch reaches the next") {
  KernelPair pair;
  pair.both_start();
  CHECK(pair.driver->send(1) == 0);
  CHECK(pair.device_sends(2));
  const auto up = hawser_region_up_count(&pair.driver->region());
  pair.start_device();
  // Polls without admitting: the bus has not heard of the new epoch yet.
  for (int n = 0; n < 200; ++n) {
    pair.window.now_ns += 1'000'000;
    hawser_region_poll(&pair.driver->region(), pair.window.now_ns);
    pair.device->poll();
  }
  REQUIRE(pair.both_up());
  CHECK(pair.driver->send(3) == -ENOTCONN);
  CHECK(pair.driver->receive() == -ENOTCONN);
  std::size_t mtu = 0;
  CHECK_FALSE(hawser_region_admit(&pair.driver->region(), up, &mtu));
  pair.run(1);
  CHECK(pair.device_receives() == -1);
  CHECK(pair.driver->receive() == -EAGAIN);
  CHECK(pair.driver->send(4) == 0);
  CHECK(pair.device_receives() == 4);
}

TEST_CASE(
    "kernel end: what the device's earlier life left in the queue is not received, also before the next "
    "poll") {
  KernelPair pair;
  pair.both_start();
  for (unsigned char n = 0; n < 70;
       ++n) {  // the queue was once around, and its index is not at the beginning
    REQUIRE(pair.device_sends(n));
    REQUIRE(pair.driver->receive() == n);
  }
  pair.device->reset();
  pair.device->poll();  // it has answered our block, which still stands: its queue is as new
  CHECK(pair.driver->receive() == -ENOTCONN);
  pair.run(100);
  REQUIRE(pair.both_up());
  CHECK(pair.device_sends(200));
  CHECK(pair.driver->receive() == 200);
}

TEST_CASE("kernel end: a mark wakes by its vector, once until it is taken") {
  KernelPair pair;
  pair.both_start();
  auto& region = pair.driver->region();
  const auto rings = pair.driver->port.rings;
  hawser_region_ring(&region, 2, 5);
  CHECK(pair.driver->port.rings == rings + 1);
  CHECK(pair.device_port->last_vector == 1 + 21 % 3);
  hawser_region_ring(&region, 2, 5);
  CHECK(pair.driver->port.rings == rings + 1);
  CHECK(pair.device->bell().take() == 1ull << 21);
  CHECK(pair.device->bell().take() == 0);
  hawser_region_ring(&region, 2, 5);
  CHECK(pair.driver->port.rings == rings + 2);

  pair.device->bell().ring(Mark(3));
  pair.device->bell().ring(Mark(63));
  CHECK(hawser_region_take(&region) == (1ull << 3 | 1ull << 63));
  CHECK(hawser_region_take(&region) == 0);
}

TEST_CASE("kernel end: it does not ring for a mark that the device looks at anyway") {
  KernelPair pair;
  pair.both_start();
  pair.device->bell().disarm();
  const auto rings = pair.driver->port.rings;
  hawser_region_ring(&pair.driver->region(), 0, 1);
  CHECK(pair.driver->port.rings == rings);
  CHECK(pair.device->bell().take() == 2);
  pair.device->bell().arm();
  hawser_region_ring(&pair.driver->region(), 0, 1);
  CHECK(pair.driver->port.rings == rings + 1);
}

TEST_CASE("kernel end: marks of an epoch do not swallow those of the next") {
  KernelPair pair;
  pair.both_start();
  hawser_region_ring(&pair.driver->region(), 0, 1);
  pair.device->bell().ring(Mark(2));
  CHECK(hawser_region_take(&pair.driver->region()) == 4);
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  CHECK(pair.device->bell().take() == 0);
  CHECK(hawser_region_take(&pair.driver->region()) == 0);
  hawser_region_ring(&pair.driver->region(), 0, 1);
  CHECK(pair.device->bell().take() == 2);
  pair.device->bell().ring(Mark(2));
  CHECK(hawser_region_take(&pair.driver->region()) == 4);
}
