// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kernel_end.hpp"

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::test;
using ivshmem::QueueKind;

namespace {

constexpr std::size_t kArea = 4096;
constexpr std::size_t kDriver = kArea + 8192;

template <class T>
void poke(FakeWindow& window, std::size_t at, T value) {
  std::memcpy(window.bytes().data() + at, &value, sizeof value);
}

}  // namespace

TEST_CASE("kernel end: an index that no queue has breaks the link, until the peer is another") {
  for (QueueKind kind : {QueueKind::kPlain, QueueKind::kSelfDescribing}) {
    for (bool producer : {true, false}) {
      KernelPair pair(kind);
      pair.both_start();
      if (kind == QueueKind::kPlain) {
        poke<std::uint32_t>(pair.window, producer ? kArea + 0x1000 : kDriver + 0x1000 + 0x40, 62);
      } else {
        poke<std::uint16_t>(pair.window, producer ? kArea + 0xc4 : kArea + 0xc6, 64);
      }
      CHECK((producer ? pair.driver->receive() : pair.driver->send(1)) == -ENOTCONN);
      CHECK(pair.driver->send(1) == -ENOTCONN);
      CHECK(pair.driver->receive() == -ENOTCONN);
      CHECK(hawser_region_stale(&pair.driver->region()));
      pair.run(5000);
      CHECK(pair.driver->events == "ub");
      CHECK(std::string(pair.driver->region().reason) == "the peer's message queue index is out of range");
      CHECK(pair.device->state() == LinkState::kDown);
      pair.start_device();
      pair.run(1500);
      CHECK(pair.both_up());
      CHECK(pair.driver->events == "ubu");
    }
  }
}

TEST_CASE("kernel end: a link that its peer broke is tried again for another party under the same epoch") {
  KernelPair pair(QueueKind::kPlain);
  pair.both_start();
  poke<std::uint32_t>(pair.window, kArea + 0x1000, 62);
  CHECK(pair.driver->receive() == -ENOTCONN);
  pair.kill_device();
  pair.run(5000);
  CHECK(pair.driver->region().state == HAWSER_REGION_BROKEN);
  poke<std::uint32_t>(pair.window, kArea + 0x48, 12);
  pair.driver->poll();
  CHECK(pair.driver->region().state == HAWSER_REGION_DOWN);
}

TEST_CASE("kernel end: the bus may break the link, once") {
  KernelPair pair;
  pair.both_start();
  hawser_region_fail(&pair.driver->region(), "one");
  hawser_region_fail(&pair.driver->region(), "two");
  CHECK(pair.driver->send(1) == -ENOTCONN);
  pair.run(3000);
  CHECK(pair.driver->events == "ub");
  CHECK(std::string(pair.driver->region().reason) == "one");
  hawser_region_fail(&pair.driver->region(), "three");
  // Somebody resets it.
  pair.driver->leave();
  (void)hawser_region_start(&pair.driver->region(), pair.window.now_ns);
  pair.run(300);
  CHECK(pair.both_up());
  CHECK(pair.driver->events == "ubu");
}

TEST_CASE("kernel end: a queue header that makes no sense breaks the link, if it stays so") {
  struct Lie {
    std::size_t at;
    std::uint64_t value;
    std::size_t bytes;
  };
  const Lie lies[] = {
      {0x04, 2, 2},          {0x08, 0, 1},     {0x08, 65, 1},    {0x0a, 1, 2},     {0x0a, 4097, 2},
      {0x0c, 48, 2},         {0x0c, 4100, 2},  {0x0c, 66, 2},    {0x0c, 62, 2},    {0x10, 16384, 8},
      {0x10, 0x84, 8},       {0x18, 16380, 8}, {0x20, 12296, 8}, {0x20, ~0ull, 8}, {0x28, ~0ull, 8},
      {0x30, 1ull << 63, 8}, {0x38, 16384, 8}, {0x38, 12289, 8},
  };
  for (const auto& lie : lies) {
    CAPTURE(lie.at);
    CAPTURE(lie.value);
    KernelPair pair;
    pair.start_device();
    pair.run(50);
    std::memcpy(pair.window.bytes().data() + kArea + lie.at, &lie.value, lie.bytes);
    pair.start_driver();
    for (int n = 0; n < 2900; ++n) {
      pair.window.now_ns += 1'000'000;
      pair.driver->poll();
    }
    CHECK(pair.driver->events == "");
    SUBCASE("repaired in time") {
      pair.run(300);
      CHECK(pair.both_up());
    }
    SUBCASE("not repaired") {
      for (int n = 0; n < 200; ++n) {
        pair.window.now_ns += 1'000'000;
        pair.driver->poll();
      }
      CHECK(pair.driver->events == "b");
    }
  }
}

TEST_CASE("kernel end: a window that is not ours is left alone, and found when it becomes one") {
  FakeWindow window(1 << 20);
  std::memset(window.bytes().data(), 0x77, window.bytes().size());
  const auto before = window.words;
  KernelEnd driver(window);
  CHECK(driver.events == "b");
  CHECK(std::string(driver.region().reason) == "the window holds something that is not a directory");
  for (int n = 0; n < 500; ++n) {
    window.now_ns += 20'000'000;
    driver.poll();
  }
  CHECK(driver.events == "b");
  CHECK(window.words == before);
  std::fill(window.words.begin(), window.words.end(), 0);
  window.now_ns += 1'100'000'000;
  driver.poll();
  CHECK(driver.region().state == HAWSER_REGION_DOWN);
}

TEST_CASE("kernel end: a directory is believed only where it fits the window") {
  struct Lie {
    std::size_t at;
    std::uint64_t value;
    std::size_t bytes;
  };
  const Lie lies[] = {
      {0x08, 2, 4}, {0x10, 1 << 21, 8}, {0x18, 0, 4},        {0x18, 2, 4},
      {0x20, 0, 8}, {0x20, 4097, 8},    {0x20, ~0ull, 8},    {0x20, (1 << 20) + 4096, 8},
      {0x28, 0, 8}, {0x28, 4096, 8},    {0x28, ~4095ull, 8}, {0x28, 1 << 20, 8},
  };
  for (const auto& lie : lies) {
    CAPTURE(lie.at);
    CAPTURE(lie.value);
    FakeWindow window(1 << 20);
    { KernelEnd formats(window); }
    std::memcpy(window.bytes().data() + lie.at, &lie.value, lie.bytes);
    KernelEnd driver(window);
    CHECK(driver.region().state == HAWSER_REGION_BROKEN);
    std::size_t bytes = 1;
    CHECK(hawser_region_data(&driver.region(), &bytes) == nullptr);
    CHECK(bytes == 0);
  }
  FakeWindow crooked(1 << 20);
  { KernelEnd formats(crooked); }
  poke<std::uint64_t>(crooked, 0x20, 4097);
  poke<std::uint64_t>(crooked, 0x28, 512 << 10);
  CHECK(KernelEnd(crooked).region().state == HAWSER_REGION_BROKEN);
  FakeWindow small(84 << 10);
  CHECK(KernelEnd(small).region().state == HAWSER_REGION_DOWN);
  FakeWindow smaller(80 << 10);
  CHECK(KernelEnd(smaller).region().state == HAWSER_REGION_BROKEN);
}

TEST_CASE("kernel end: a link that was found stays where it is, whatever the directory says later") {
  KernelPair pair;
  pair.both_start();
  std::size_t bytes = 0;
  void* data = hawser_region_data(&pair.driver->region(), &bytes);
  pair.driver->leave();
  poke<std::uint64_t>(pair.window, 0x20, 8192);
  (void)hawser_region_start(&pair.driver->region(), pair.window.now_ns);
  std::size_t later = 0;
  CHECK(hawser_region_data(&pair.driver->region(), &later) == data);
  CHECK(later == bytes);
}
