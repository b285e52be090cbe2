// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Either side of an Argo link dies between any two of its hypercalls, and returns: no block write that was acknowledged
// is lost. The disk's bytes outlive both.
#include "support/argo_port.hpp"
#include "support/seed.hpp"

#include <hawser/app/argo_ends.hpp>
#include <hawser/transport/random.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/memory_disk.hpp>
#include <hawser/virtio/driver/blk.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <vector>

using namespace hawser;
using hawser::test::ArgoPort;

namespace {

constexpr std::size_t kMemory = 2 << 20;
constexpr std::uint16_t kDriver = 1;
constexpr std::uint16_t kDevice = 2;

enum class Death {
  kDestroyed,  ///< A new domain of the same id follows.
  kRestarts,   ///< In place: Xen is told nothing, rings stay registered until the new life registers them.
};

struct Died {};

argo::LinkOptions options_for(argo::Role role) {
  const std::uint16_t peer = role == argo::Role::kDriver ? kDevice : kDriver;
  return {.role = role,
          .peer = peer,
          .data_bytes = 64u << 10,
          .max_parcel = 20u << 10,
          .silence = milliseconds(200)};
}

/// A domain whose life ends at a hypercall of the test's choice.
class Life {
 public:
  Life(argo::broker::House& house, std::uint16_t id) : house_(house), id_(id) { begin(); }

  ArgoPort& port() { return *port_; }
  /// Dies instead of making its nth hypercall from the start; 0: never.
  void die_at(std::uint64_t n) { die_at_ = n; }
  std::uint64_t calls() const { return calls_; }

  /// After everything that stood on the port is gone.
  void restart(Death death) {
    die_at_ = 0;
    if (death == Death::kDestroyed) {
      port_.reset();
      begin();
    }
    port_->dead = false;
  }

 private:
  void begin() {
    port_.emplace(house_, id_, kMemory);
    port_->before = [this](argo::Command) {
      if (++calls_ != die_at_) return;
      port_->dead = true;  // also for what destructors would still say
      throw Died{};
    };
  }

  argo::broker::House& house_;
  const std::uint16_t id_;
  std::optional<ArgoPort> port_;
  std::uint64_t calls_ = 0;
  std::uint64_t die_at_ = 0;
};

struct DeviceSide {
  DeviceSide(ArgoPort& port, std::span<std::byte> disk_bytes)
      : bitmap(virtio::Arena::bitmap_words(kMemory)),
        ends(std::make_unique<app::ArgoDeviceEnd<ArgoPort>>(port, options_for(argo::Role::kDevice), bitmap)),
        disk(disk_bytes),
        bus(ends->end) {
    REQUIRE(bus.add(virtio::msg::DeviceRef<RegionMemory>(model)).ok());
  }
  void step() {
    while (bus.step()) continue;
    (void)bus.prepare_to_wait();
  }

  std::vector<std::uint64_t> bitmap;
  std::unique_ptr<app::ArgoDeviceEnd<ArgoPort>> ends;
  virtio::device::MemoryDisk disk;
  std::unique_ptr<virtio::device::BlkRoom<RegionMemory>> room =
      std::make_unique<virtio::device::BlkRoom<RegionMemory>>();
  virtio::device::Blk<RegionMemory, virtio::device::MemoryDisk> model{*room, disk};
  virtio::msg::DeviceBus<app::ArgoDeviceEnd<ArgoPort>::End> bus;
};

struct DriverSide {
  using End = app::ArgoDriverEnd<ArgoPort>::End;

  explicit DriverSide(ArgoPort& port)
      : ends(std::make_unique<app::ArgoDriverEnd<ArgoPort>>(port, options_for(argo::Role::kDriver))),
        bitmap(virtio::Arena::bitmap_words(kMemory)),
        arena(Offset(0), ends->end.region().size(), bitmap),
        bus(ends->end) {}

  std::unique_ptr<app::ArgoDriverEnd<ArgoPort>> ends;
  std::vector<std::uint64_t> bitmap;
  virtio::Arena arena;
  virtio::msg::DriverBus<End> bus;
  std::optional<virtio::msg::DriverDevice<End>> device;
  std::unique_ptr<virtio::driver::BlkRoom<RegionMemory>> room =
      std::make_unique<virtio::driver::BlkRoom<RegionMemory>>();
  std::optional<virtio::driver::Blk<virtio::msg::DriverDevice<End>>> blk;
};

/// A disk of chunks, each of which holds one version in every sector, and what is known of them by acknowledgements.
class Exchange {
 public:
  Exchange(std::uint64_t seed, Death death) : random_(seed), death_(death) {
    device_.emplace(device_life.port(), disk_);
    driver_life.port().domain().idle = [this] { device_turn(); };
  }

  /// Writes and reads until `operations` of them have ended, through all deaths.
  void run(unsigned operations) {
    while (ended_ < operations) {
      try {
        if (!driver_) begin_driver();
        work(operations);
      } catch (const Died&) {
        ++deaths;
        end_driver();
      }
    }
    for (std::size_t n = 0; n < chunks_.size(); ++n)
      for (std::size_t sector = 0; sector < chunks_[n].sectors; ++sector)
        REQUIRE(chunks_[n].possible.count(version_at(disk_.data() + (chunks_[n].first + sector) * 512)) == 1);
  }

  argo::broker::House house{hawser::test::allow_all()};
  Life driver_life{house, kDriver};
  Life device_life{house, kDevice};
  unsigned deaths = 0;

 private:
  struct Chunk {
    std::size_t first = 0, sectors = 0;
    std::set<std::uint32_t> possible{0};  ///< Versions that a sector may hold.
    bool busy = false;
    bool read = false;
    std::uint32_t version = 0;
    Offset buffer;
  };

  static std::uint32_t version_at(const std::byte* sector) {
    std::uint32_t version;
    std::memcpy(&version, sector, sizeof version);
    return std::memcmp(sector, sector + 4, 508) == 0 ? version : UINT32_MAX;  // one version all over, or none
  }

  void device_turn() {
    try {
      if (!device_) {
        if (house.now() < device_returns_) return;
        device_life.restart(death_);
        device_.emplace(device_life.port(), disk_);
      }
      device_->step();
    } catch (const Died&) {
      ++deaths;
      device_.reset();
      device_returns_ = house.now() + milliseconds(30);
    }
  }

  void begin_driver() {
    driver_life.restart(death_);
    driver_life.port().domain().idle = [this] { device_turn(); };
    driver_ = std::make_unique<DriverSide>(driver_life.port());
    for (Chunk& chunk : chunks_) {
      chunk.buffer = driver_->arena.allocate(chunk.sectors * 512).value();
      chunk.busy = false;
    }
  }
  void end_driver() {
    driver_.reset();  // what was on its way may have been done, in part or not at all: `possible` has it
  }

  void connect() {
    auto& side = *driver_;
    const Instant patience = house.now() + seconds(20);
    for (;;) {
      REQUIRE(house.now() < patience);
      if (side.ends->end.state() == LinkState::kBroken) {
        FAIL(side.ends->end.broken_reason());
      }
      if (!side.bus.wait_up(house.now() + seconds(1)).ok()) continue;
      if (!side.device) side.device.emplace(side.bus, std::uint16_t{0}, side.arena);
      if (!side.device->open().ok()) continue;
      if (!side.blk) side.blk.emplace(*side.room);
      if (side.blk->resume(*side.device).ok()) return;
    }
  }

  void work(unsigned operations) {
    auto& side = *driver_;
    unsigned idle = 0;
    while (ended_ < operations || busy() != 0) {
      if (!side.device || !side.device->in_session() || side.device->needs_reset() ||
          side.blk->state() != decltype(side.blk)::value_type::State::kRunning) {
        if (side.blk) side.blk->suspend();
        connect();
      }
      while (busy() < 4 && ended_ + busy() < operations) begin_one();
      (void)side.blk->wait(house.now() + milliseconds(50));
      const unsigned before = ended_;
      while (const auto done = side.blk->take()) end_one(*done);
      idle = ended_ == before ? idle + 1 : 0;
      REQUIRE(idle < 1000);
    }
  }

  unsigned busy() const {
    unsigned count = 0;
    for (const Chunk& chunk : chunks_) count += chunk.busy ? 1 : 0;
    return count;
  }

  void begin_one() {
    const std::size_t n = random_.below(chunks_.size());
    Chunk& chunk = chunks_[n];
    if (chunk.busy) return;
    chunk.read = random_.chance(35);
    const auto bytes = driver_->ends->end.region().area(chunk.buffer, chunk.sectors * 512, 1)->bytes();
    using virtio::driver::BlkRequest;
    const virtio::Token token{n};
    if (!chunk.read) {
      chunk.version = ++last_version_;
      for (std::size_t at = 0; at < bytes.size(); at += 4) std::memcpy(bytes.data() + at, &chunk.version, 4);
      chunk.possible.insert(chunk.version);
    }
    const auto request = chunk.read ? BlkRequest::read(chunk.first, chunk.buffer, bytes.size(), token)
                                    : BlkRequest::write(chunk.first, chunk.buffer, bytes.size(), token);
    REQUIRE(driver_->blk->submit(request).ok());
    chunk.busy = true;
  }

  void end_one(const virtio::driver::BlkDone& done) {
    Chunk& chunk = chunks_[done.token.value];
    REQUIRE(done.result.ok());
    chunk.busy = false;
    ++ended_;
    if (!chunk.read) {
      chunk.possible = {chunk.version};  // acknowledged: nothing else may ever be seen
      return;
    }
    const auto bytes = driver_->ends->end.region().area(chunk.buffer, chunk.sectors * 512, 1)->bytes();
    for (std::size_t at = 0; at < bytes.size(); at += 512)
      REQUIRE(chunk.possible.count(version_at(bytes.data() + at)) == 1);
  }

  static std::array<Chunk, 12> make_chunks() {
    std::array<Chunk, 12> chunks;
    std::size_t at = 0;
    for (std::size_t n = 0; n < chunks.size(); ++n) {
      chunks[n].first = at;
      chunks[n].sectors = 1 + n * 5;  // up to 28 KiB: more than a parcel
      at += chunks[n].sectors;
    }
    return chunks;
  }

  Random random_;
  const Death death_;
  std::vector<std::byte> disk_ = std::vector<std::byte>(512 << 10);
  std::array<Chunk, 12> chunks_ = make_chunks();
  std::uint32_t last_version_ = 0;
  unsigned ended_ = 0;
  std::optional<DeviceSide> device_;
  Instant device_returns_;
  std::unique_ptr<DriverSide> driver_;
};

constexpr unsigned kOperations = 60;

/// Hypercalls that each side makes when nobody dies.
struct Calls {
  std::uint64_t driver = 0, device = 0;
};

Calls calls_of_a_quiet_run(std::uint64_t seed) {
  Exchange exchange(seed, Death::kRestarts);
  exchange.run(kOperations);
  CHECK(exchange.deaths == 0);
  return {exchange.driver_life.calls(), exchange.device_life.calls()};
}

}  // namespace

TEST_CASE("a device side that dies between any two hypercalls loses no acknowledged write") {
  HAWSER_TEST_SEED(seed);
  const Calls calls = calls_of_a_quiet_run(seed);
  REQUIRE(calls.device > 50);  // twice as many points: more than 200 with those of the driver side
  for (const Death death : {Death::kDestroyed, Death::kRestarts})
    for (std::uint64_t at = 1; at <= calls.device; ++at) {
      CAPTURE(at);
      CAPTURE(death);
      Exchange exchange(seed, death);
      exchange.device_life.die_at(at);
      exchange.run(kOperations);
      CHECK(exchange.deaths == 1);
    }
}

TEST_CASE("a driver side that dies between any two hypercalls finds all that was acknowledged") {
  HAWSER_TEST_SEED(seed);
  const Calls calls = calls_of_a_quiet_run(seed);
  REQUIRE(calls.driver > 50);
  for (const Death death : {Death::kDestroyed, Death::kRestarts})
    for (std::uint64_t at = 1; at <= calls.driver; ++at) {
      CAPTURE(at);
      CAPTURE(death);
      Exchange exchange(seed, death);
      exchange.driver_life.die_at(at);
      exchange.run(kOperations);
      CHECK(exchange.deaths <= 1);  // the last calls of a life may come after the work
    }
}
