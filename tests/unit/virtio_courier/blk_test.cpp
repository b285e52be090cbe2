// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A block device behind a courier: every size of request, larger than the carrier's ring too, against a disk in memory.
#include "rig.hpp"

#include "support/seed.hpp"

#include <hawser/transport/random.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/memory_disk.hpp>
#include <hawser/virtio/driver/blk.hpp>
#include <hawser/virtio/driver/blk_waiting.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;

namespace {

constexpr std::size_t kDisk = 512 * 1024;

struct BlkOverCourier {
  using Driver = driver::Blk<CourierDriver>;

  explicit BlkOverCourier(const CourierRigOptions& options)
      : disk_bytes(kDisk), disk(disk_bytes), model(*room, disk, {.size_max = 128 * 1024}), rig(options) {
    REQUIRE(rig.devices.add(msg::DeviceRef<RegionMemory>(model), {}, 0).ok());
    rig.connect();
    device.emplace(rig.driver, std::uint16_t{0}, rig.arena);
    REQUIRE(device->open().ok());
    blk.emplace(*storage);
    REQUIRE(blk->start(*device).ok());
  }

  std::vector<std::byte> disk_bytes;
  device::MemoryDisk disk;
  std::unique_ptr<device::BlkRoom<RegionMemory>> room = std::make_unique<device::BlkRoom<RegionMemory>>();
  device::Blk<RegionMemory, device::MemoryDisk> model;
  CourierRig rig;
  std::optional<CourierDriver> device;
  std::unique_ptr<driver::BlkRoom<RegionMemory>> storage = std::make_unique<driver::BlkRoom<RegionMemory>>();
  std::optional<Driver> blk;
};

/// Writes and reads of random places and sizes, several at a time; after each step a few accidents may happen.
void exercise(BlkOverCourier& world, std::uint64_t seed, std::uint32_t largest, unsigned steps,
              void (*accident)(BlkOverCourier&, Random&) = nullptr) {
  Random random(seed);
  std::vector<std::byte> expected(world.disk_bytes);
  struct Slot {
    Offset buffer;
    std::uint64_t sector = 0;
    std::uint32_t bytes = 0;
    bool read = false;
    bool busy = false;
  };
  std::array<Slot, 6> slots;
  for (Slot& slot : slots) {
    const auto at = world.rig.arena.allocate(largest);
    REQUIRE(at.has_value());
    slot.buffer = *at;
  }
  // Every slot keeps to its own part of the disk, so that requests do not race.
  const std::uint64_t share = kDisk / slots.size() / 512;
  const auto finish = [&](const driver::BlkDone& done) {
    Slot& slot = slots[done.token.value];
    slot.busy = false;
    REQUIRE(done.result.ok());
    if (!slot.read) return;
    const auto got = world.rig.at(slot.buffer, slot.bytes);
    REQUIRE(std::memcmp(got.data(), expected.data() + slot.sector * 512, slot.bytes) == 0);
  };
  unsigned done_count = 0;
  unsigned idle = 0;
  for (unsigned step = 0; done_count < steps;) {
    for (unsigned n = 0; n < slots.size() && step < steps; ++n) {
      Slot& slot = slots[n];
      if (slot.busy) continue;
      slot.bytes =
          static_cast<std::uint32_t>(512 * (1 + random.below(random.chance(30) ? largest / 512 : 8)));
      slot.bytes = std::min<std::uint32_t>(slot.bytes, largest);
      slot.sector = n * share + random.below(share - slot.bytes / 512);
      slot.read = random.chance(50);
      const auto bytes = world.rig.at(slot.buffer, slot.bytes);
      random.fill(bytes);
      if (!slot.read) std::memcpy(expected.data() + slot.sector * 512, bytes.data(), bytes.size());
      const auto request = slot.read
                               ? driver::BlkRequest::read(slot.sector, slot.buffer, slot.bytes, Token{n})
                               : driver::BlkRequest::write(slot.sector, slot.buffer, slot.bytes, Token{n});
      REQUIRE(world.blk->submit(request).ok());
      slot.busy = true;
      ++step;
    }
    if (accident != nullptr) accident(world, random);
    if (!world.rig.driver.up() || !world.device->in_session() || world.device->needs_reset()) {
      world.blk->suspend();
      world.rig.connect();
      REQUIRE(world.device->open().ok());
      REQUIRE(world.blk->resume(*world.device).ok());
    }
    (void)world.blk->wait(world.rig.first.now() + milliseconds(50));
    const unsigned before = done_count;
    while (const auto done = world.blk->take()) {
      finish(*done);
      ++done_count;
    }
    idle = done_count == before ? idle + 1 : 0;
    REQUIRE(idle < 2000);
  }
  CHECK(std::memcmp(expected.data(), world.disk_bytes.data(), expected.size()) == 0);
  for (Slot& slot : slots) world.rig.arena.release(slot.buffer, largest);
}

}  // namespace

TEST_CASE("a disk behind a courier holds what was written, whatever the rings") {
  HAWSER_TEST_SEED(seed);
  for (const Features& driver_ring : {kRingSplit, kRingPacked})
    for (const Features& device_ring : {Features{}, kRingSplit, kRingPacked}) {
      BlkOverCourier world(
          {.driver_ring = driver_ring, .device_ring = device_ring, .ring = 65536, .memory = 8 << 20});
      exercise(world, seed, 16 * 1024, 300);
      CHECK(world.rig.device_end.courier_counters().bytes_copied <
            world.rig.driver_end.courier_counters().bytes_copied);
    }
}

TEST_CASE("requests larger than the carrier's ring travel in pieces") {
  HAWSER_TEST_SEED(seed);
  for (const std::size_t ring : {4096u, 4112u, 8192u, 20000u / 16 * 16}) {
    BlkOverCourier world({.ring = ring, .memory = 8 << 20});
    exercise(world, seed + ring, 80 * 1024, 200);
    CHECK(world.rig.first.ring().held() == 0);
    CHECK(world.rig.second.ring().held() == 0);
  }
}

TEST_CASE("readable bytes are used where they arrived") {
  BlkOverCourier world({.ring = 65536, .memory = 8 << 20});
  const auto at = world.rig.arena.allocate(16384);
  for (unsigned n = 0; n < 50; ++n) {
    REQUIRE(world.blk->submit(driver::BlkRequest::write(0, *at, 16384)).ok());
    while (!world.blk->take()) (void)world.blk->wait(world.rig.first.now() + milliseconds(50));
  }
  // What came back was a status byte each; nothing was copied on its way to the disk but the requests' headers.
  CHECK(world.rig.device_end.courier_counters().bytes_copied <= 50);
  CHECK(world.rig.driver_end.courier_counters().bytes_copied <= 50 * (1 + 16));
}

TEST_CASE("an arena that is too small for all requests at once serves them one after another") {
  HAWSER_TEST_SEED(seed);
  // The driver's memory is as small, but nothing of it is needed beyond its buffers.
  BlkOverCourier world({.ring = 16384, .memory = 3 << 20, .max_chain = 160 * 1024});
  exercise(world, seed, 80 * 1024, 200);
}

TEST_CASE("a chain of more bytes than a queue's share of the arena is served by itself") {
  BlkOverCourier world({.ring = 65536, .memory = 1 << 20, .max_chain = 512 << 10});
  constexpr std::uint32_t kMore = 496 << 10;  // than half of the arena, which is the share of an only queue
  const auto at = world.rig.arena.allocate(kMore);
  REQUIRE(at.has_value());
  for (unsigned n = 0; n < 3; ++n) {
    REQUIRE(world.blk->submit(driver::BlkRequest::write(0, *at, kMore)).ok());
    const Instant deadline = world.rig.first.now() + seconds(5);
    std::optional<driver::BlkDone> done;
    while (!done && world.rig.first.now() < deadline) {
      (void)world.blk->wait(world.rig.first.now() + milliseconds(50));
      done = world.blk->take();
    }
    REQUIRE(done.has_value());
  }
}

TEST_CASE("a carrier that says full at any time loses nothing") {
  HAWSER_TEST_SEED(seed);
  BlkOverCourier world({.ring = 8192, .memory = 8 << 20});
  exercise(world, seed, 24 * 1024, 300, [](BlkOverCourier& w, Random& random) {
    w.rig.first.say_full(random.chance(40));
    w.rig.second.say_full(random.chance(40));
  });
}

TEST_CASE("no write is lost when the link goes at any time") {
  HAWSER_TEST_SEED(seed);
  for (std::uint64_t run = 0; run < 10; ++run) {
    BlkOverCourier world(
        {.driver_ring = run % 2 != 0 ? kRingPacked : kRingSplit, .ring = 8192, .memory = 8 << 20});
    exercise(world, seed + run, 24 * 1024, 200, [](BlkOverCourier& w, Random& random) {
      if (!random.chance(15)) return;
      for (std::uint64_t n = random.below(4); n != 0; --n)
        random.chance(50) ? w.rig.device_step() : w.blk->poll();
      w.rig.first.reset();
      (void)w.rig.driver.pump();
      w.rig.device_step();
    });
  }
}

TEST_CASE("a completion that comes after a stop finds no memory that is somebody else's") {
  for (const Features& ring : {kRingSplit, kRingPacked}) {
    BlkOverCourier world({.driver_ring = ring, .ring = 65536, .memory = 8 << 20});
    Arena& arena = world.rig.arena;
    driver::WaitingBlk waiting(*world.blk);
    const auto free = arena.free_bytes();
    const auto device_step = std::exchange(world.rig.second.on_idle, [] {});
    std::vector<std::byte> bytes(4096);
    std::ranges::fill(world.disk_bytes, std::byte{0x5a});
    CHECK(waiting.read(0, bytes, world.rig.first.now() + milliseconds(1)).error() ==
          driver::BlkError::kTimeout);
    world.blk->stop();
    CHECK(arena.free_bytes() == free - bytes.size());

    const std::uint64_t half = arena.free_bytes() / 2;
    const auto other = arena.allocate(half);
    REQUIRE(other.has_value());
    const auto anything = world.rig.at(*other, half);
    std::ranges::fill(anything, std::byte{0});
    world.rig.second.on_idle = device_step;
    (void)world.rig.driver.wait(world.rig.first.now() + milliseconds(50));
    CHECK(std::ranges::count(anything, std::byte{0}) == static_cast<std::ptrdiff_t>(half));
    arena.release(*other, half);

    REQUIRE(world.blk->start(*world.device).ok());
    CHECK(arena.free_bytes() == free);
    world.blk->stop();
    CHECK(arena.free_bytes() == arena.size());
    CHECK_FALSE(arena.misused());
  }
}

TEST_CASE("over a link that copies, memory is the driver's own again when the link is down") {
  BlkOverCourier world({.ring = 65536, .memory = 8 << 20});
  Arena& arena = world.rig.arena;
  const auto buffer = arena.allocate(4096);
  REQUIRE(buffer.has_value());
  REQUIRE(world.blk->submit(driver::BlkRequest::read(0, *buffer, 4096)).ok());
  world.rig.second.on_idle = [] {};
  world.rig.first.reset();
  (void)world.rig.driver.pump();
  world.blk->stop();
  const auto done = world.blk->take();
  REQUIRE(done.has_value());
  CHECK(done->result.error() == driver::BlkError::kCancelled);
  CHECK_FALSE(done->lent);
  arena.release(*buffer, 4096);
  CHECK(arena.free_bytes() == arena.size());
}

TEST_CASE(
    "when a bus gives up on a link that stays up, the courier goes on, so the memory stays out of use") {
  BlkOverCourier world({.ring = 65536, .memory = 8 << 20, .carrier = {.mtu = 1024}});
  Arena& arena = world.rig.arena;
  const auto free = arena.free_bytes();
  const std::vector<std::byte> endless(600);
  const std::span<const std::byte> parts[] = {endless};
  REQUIRE(world.rig.second.channel().try_send(parts).ok());
  (void)world.rig.driver.pump();
  REQUIRE(world.rig.driver.fault() == msg::BusFault::kMessageTooLong);
  world.blk->stop();
  CHECK(arena.free_bytes() == free);
  world.rig.driver_end.reset();
  world.rig.connect();
  REQUIRE(world.blk->start(*world.device).ok());
  world.blk->stop();
  CHECK(arena.free_bytes() == arena.size());
}
