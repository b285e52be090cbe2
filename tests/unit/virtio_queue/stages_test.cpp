// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Stage timing: which requests are timed, what is put down of them, and that both sides choose alike.
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/stage_book.hpp>

#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Rig;

namespace {

std::uint64_t the_time = 0;
std::uint64_t clock() {
  return the_time;
}

/// Both halves of a queue, timed.
struct Timed {
  explicit Timed(const Features& features)
      : rig(features, 16), records(2), probes(2), book(records, probes, clock) {
    the_time = 1'000'000'000;
    open();
  }
  void open() {
    rig.driver.time_by(book.open({StageSide::kDriver, 3, 1, 2, rig.driver.size(), false}));
    rig.device.time_by(book.open({StageSide::kDevice, 3, 1, 2, rig.device.size(), false}));
  }

  void set_up_again() {
    auto& over = rig.over;
    const RegionMemory memory = rig.driver.memory();
    over.driver =
        AnyDriverQueue<RegionMemory>::make(memory, over.layout.queue, over.features, over.slots, {}).value();
    over.device = AnyDeviceQueue<RegionMemory>::make(memory, over.layout.queue, over.features).value();
    open();
  }

  void add(std::uint64_t token) {
    const std::array readable = {rig.buffer(0, 16)};
    const std::array writable = {rig.buffer(512, 16)};
    REQUIRE(rig.driver.try_add(readable, writable, Token{token}).ok());
  }
  Chain take() {
    auto chain = rig.device.try_take(storage);
    REQUIRE(chain.ok());
    return std::move(chain).value();
  }
  /// A request whose stages take 100, 200, 300, 400, 500 and 600 ns.
  void trip(std::uint64_t token = 7, std::uint64_t unit = 100) {
    add(token);
    the_time += unit;
    const bool wanted = rig.driver.publish();
    the_time += 2 * unit;
    if (wanted) rig.driver.probe()->rung();
    auto chain = take();
    the_time += 3 * unit;
    rig.device.complete(std::move(chain), 16);
    the_time += 4 * unit;
    const bool back = rig.device.publish();
    the_time += 5 * unit;
    if (back) rig.device.probe()->rung();
    the_time += 6 * unit;
    REQUIRE(rig.driver.try_reap().ok());
  }
  StageRecord& driver() { return records[0]; }
  StageRecord& device() { return records[1]; }

  Rig rig;
  std::array<Segment, 16> storage;
  std::vector<StageRecord> records;
  std::vector<StageProbe> probes;
  StageBook book;
};

}  // namespace

TEST_CASE("every time has one bucket, whose bounds are less than an eighth apart") {
  std::uint64_t begin = 0;
  for (std::size_t bucket = 0; bucket < StageHistogram::kBuckets; ++bucket) {
    const std::uint64_t end = StageHistogram::end(bucket);
    REQUIRE(end > begin);
    CHECK(StageHistogram::bucket(begin) == bucket);
    CHECK(StageHistogram::bucket(end - 1) == bucket);
    CHECK((end - begin) * 8 <= std::max<std::uint64_t>(begin, 8));
    begin = end;
  }
  CHECK(StageHistogram::bucket(begin) == StageHistogram::kBuckets - 1);
  CHECK(StageHistogram::bucket(UINT64_MAX) == StageHistogram::kBuckets - 1);
}

TEST_CASE("the next selected request is found at once, whatever the level") {
  for (unsigned level = 0; level <= StageSelection::kMaxLevel; ++level) {
    CAPTURE(level);
    std::uint32_t found = 0;
    std::uint32_t from = 0u - 100'000;  // across the wrap
    while (!StageSelection::selected(from, level)) ++from;
    for (std::uint32_t walked = 0; walked < 300'000; ++found) {
      const std::uint32_t next = StageSelection::next(from, level);
      std::uint32_t plain = from + 1;
      while (!StageSelection::selected(plain, level)) ++plain;
      REQUIRE(next == plain);
      walked += next - from;
      from = next;
    }
    CHECK(found >= 300'000u >> level);
    CHECK(found <= (310'000u >> level) + 2);
  }
}

TEST_CASE("what a high level selects, the lower ones select too, and no place in a batch is favored") {
  std::map<std::uint32_t, unsigned> places;
  for (std::uint32_t number = 0; number < 1'000'000; ++number) {
    for (unsigned level = 1; level <= StageSelection::kMaxLevel; ++level) {
      if (StageSelection::selected(number, level)) REQUIRE(StageSelection::selected(number, level - 1));
    }
    if (StageSelection::selected(number, 6)) ++places[number % 64];
  }
  CHECK(places.size() == 64);
  for (const auto& place : places) {
    CAPTURE(place.first);
    CHECK(place.second > 200);
    CHECK(place.second < 290);
  }
}

TEST_CASE("a request's stages are put down on either side") {
  for (const bool packed : {false, true}) {
    CAPTURE(packed);
    Features features;
    features.set(VIRTIO_F_RING_PACKED, packed);
    Timed timed(features);
    timed.trip();
    const auto& driver = timed.driver();
    CHECK(driver.side == StageSide::kDriver);
    CHECK(driver.device == 3);
    CHECK(driver.queue == 1);
    CHECK(driver.requests == 1);
    CHECK(driver.publishings == 1);
    CHECK(driver.bells == 1);
    CHECK(driver.samples == 1);
    CHECK(driver.times[0].sum == 100);
    CHECK(driver.times[0].counts[StageHistogram::bucket(100)] == 1);
    CHECK(driver.times[1].sum == 2000);
    CHECK(driver.times[1].longest == 2000);
    CHECK(driver.times[2].sum == 200);  // to the bell
    const auto& device = timed.device();
    CHECK(device.side == StageSide::kDevice);
    CHECK(device.times[0].sum == 300);
    CHECK(device.times[1].sum == 400);
    CHECK(device.times[2].sum == 500);

    const auto& sent = driver.recent[0];
    const auto& served = device.recent[0];
    CHECK(sent.seal == 1);
    CHECK(served.seal == 1);
    CHECK(served.moments.at[0] - sent.moments.at[1] == 200);   // from published to seen
    CHECK(sent.moments.at[2] - served.moments.at[2] == 1100);  // and back
  }
}

TEST_CASE("frequent requests are timed rarely, and rare ones all") {
  Timed timed(Features{});
  for (int n = 0; n < 200'000; ++n) timed.trip(7, 10);  // 210 ns each
  const auto often = timed.driver().samples;
  CHECK(timed.driver().requests == 200'000);
  CHECK(often >= 200'000 * 210 / 400'000);
  CHECK(often <= 200'000 * 210 / 50'000 + 20);
  CHECK(timed.driver().one_in >= 128);
  for (int n = 0; n < 5'000; ++n) {
    timed.trip(7, 100'000);
    timed.rig.driver.arm();
    timed.rig.device.arm();
  }
  CHECK(timed.driver().one_in == 1);
  const auto before = timed.driver().samples;
  for (int n = 0; n < 100; ++n) timed.trip(7, 100'000);
  CHECK(timed.driver().samples == before + 100);
}

TEST_CASE("both sides choose the same requests, out of order and deep in flight as well") {
  Timed timed(Features{});
  std::map<std::uint32_t, StageMoments> sent, served;
  const auto collect = [](const StageRecord& record, auto& into) {
    for (const auto& sample : record.recent)
      if (sample.seal != 0) into[sample.seal - 1] = sample.moments;
  };
  for (int round = 0; round < 3'000; ++round) {
    for (std::uint64_t n = 0; n < 8; ++n) {
      timed.add(n);
      the_time += 90;
    }
    timed.rig.driver.publish();
    the_time += 1'000;
    std::array<std::array<Segment, 4>, 8> storages;
    std::array<Chain, 8> chains;
    for (std::size_t n = 0; n < 8; ++n) {
      auto chain = timed.rig.device.try_take(storages[n]);
      REQUIRE(chain.ok());
      chains[n] = std::move(chain).value();
      the_time += 30;
    }
    for (std::size_t n = 8; n-- > 0;) {
      the_time += 300;
      timed.rig.device.complete(std::move(chains[n]), 16);
    }
    timed.rig.device.publish();
    the_time += 2'000;
    while (timed.rig.driver.try_reap().ok()) the_time += 50;
    collect(timed.driver(), sent);
    collect(timed.device(), served);
  }
  unsigned both = 0;
  for (const auto& [number, moments] : sent) {
    const auto there = served.find(number);
    if (there == served.end()) continue;
    ++both;
    CHECK(there->second.at[0] >= moments.at[1] + 1'000);
    CHECK(there->second.at[2] <= moments.at[2] - 2'000);
  }
  CHECK(sent.size() > 150);
  CHECK(both > sent.size() / 3);
}

TEST_CASE("a queue that is set up again begins to count anew and keeps its times") {
  Timed timed(Features{});
  timed.trip();
  timed.add(9);  // never answered
  timed.rig.driver.publish();
  timed.set_up_again();
  timed.trip();
  CHECK(timed.driver().life == 2);
  CHECK(timed.driver().samples == 2);
  CHECK(timed.driver().recent[1].seal == 1);
  CHECK(timed.driver().recent[1].life == 2);
  CHECK(timed.driver().times[1].total == 2);
}

TEST_CASE("a device whose bell never comes goes on being timed") {
  Timed timed(Features{});
  for (std::uint64_t n = 0; n < 10; ++n) {
    timed.add(n);
    timed.rig.driver.publish();
    auto chain = timed.take();
    the_time += 500'000;
    timed.rig.device.complete(std::move(chain), 0);
    CHECK(timed.rig.device.publish());
    REQUIRE(timed.rig.driver.try_reap().ok());
  }
  CHECK(timed.device().samples >= 4);
  CHECK(timed.device().times[2].total == 0);
}

TEST_CASE("a full book times no more queues, and an empty one none") {
  Timed timed(Features{});
  CHECK(timed.book.open({StageSide::kDriver, 4, 0, 2, 8, false}) == nullptr);
  CHECK(timed.book.open({StageSide::kDevice, 3, 1, 2, 8, false}) != nullptr);
  CHECK(StageBook().open({StageSide::kDriver, 0, 0, 2, 8, false}) == nullptr);
}
