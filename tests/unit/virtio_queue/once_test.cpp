// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The other side runs at the same time: what is read twice may differ. So nothing is read twice, and a side that
// changes words while we walk over them keeps us busy for a bounded time only.
#include <hawser/virtio/queue/any.hpp>

#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <array>
#include <cstdint>
#include <set>

using namespace hawser;
using namespace hawser::virtio;

namespace {

/// Calls a hook with the place and size of every load, before the load.
template <class Hook>
class HookedMemory {
 public:
  class Area : public RegionMemory::Area {
    using Base = RegionMemory::Area;

   public:
    Area() = default;
    Area(Base base, std::uint64_t at, Hook* hook) : Base(base), at_(at), hook_(hook) {}
    template <SharedWord T>
    T load(std::size_t at) const {
      (*hook_)(at_ + at, sizeof(T));
      return Base::load<T>(at);
    }
    template <SharedWord T>
    T observe(std::size_t at) const {
      (*hook_)(at_ + at, sizeof(T));
      return Base::observe<T>(at);
    }
    void read(std::size_t at, std::span<std::byte> out) const {
      (*hook_)(at_ + at, out.size());
      Base::read(at, out);
    }

   private:
    std::uint64_t at_ = 0;
    Hook* hook_ = nullptr;
  };

  HookedMemory() = default;
  HookedMemory(RegionMemory memory, Hook& hook) : memory_(memory), hook_(&hook) {}
  std::uint64_t size() const { return memory_.size(); }
  Result<Area, DoorError> area(Offset offset, std::uint64_t bytes, std::uint64_t align) const {
    auto area = memory_.area(offset, bytes, align);
    if (!area.ok()) return Err{area.error()};
    return Area(*area, offset.bytes(), hook_);
  }
  void full_fence() const { memory_.full_fence(); }

 private:
  RegionMemory memory_;
  Hook* hook_ = nullptr;
};

/// Counts bytes that were loaded more than once since clear().
struct Twice {
  std::set<std::uint64_t> seen;
  unsigned again = 0;
  void operator()(std::uint64_t at, std::uint64_t bytes) {
    for (std::uint64_t n = 0; n < bytes; ++n) again += seen.insert(at + n).second ? 0 : 1;
  }
  void clear() { seen.clear(); }
};

/// Makes whichever packed descriptor is looked at available, with one more to follow.
struct Endless {
  std::span<std::byte> region;
  std::uint64_t ring = 0;
  std::uint64_t size = 0;
  std::uint64_t looks = 0;
  void operator()(std::uint64_t at, std::uint64_t) {
    if (at < ring || at >= ring + 16 * size || at % 16 != 8) return;
    const bool wrap = (looks++ / size) % 2 == 0;
    const auto flags =
        static_cast<std::uint16_t>(VIRTQ_DESC_F_NEXT | (wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED));
    write_wire(region.subspan(static_cast<std::size_t>(at + 6)), le16{flags});
  }
};

}  // namespace

TEST_CASE("a taker and a reaper load no byte of shared memory twice") {
  for (const Features& features : test::all_ring_features()) {
    INFO(test::name(features));
    using M = HookedMemory<Twice>;
    Twice twice;
    test::Region region(64 * 1024);
    test::RigOver<M> rig(M(region.memory(), twice), features, 8);
    const std::array readable = {rig.buffer(0, 8), rig.buffer(8, 8)};
    const std::array writable = {rig.buffer(16, 8)};
    std::array<Segment, 4> storage;
    for (unsigned n = 0; n < 20; ++n) {
      REQUIRE(rig.driver.try_add(readable, writable, Token{n}).ok());
      rig.driver.publish();
      twice = {};
      auto chain = rig.device.try_take(storage);
      REQUIRE(chain.ok());
      CHECK(twice.again == 0);
      CHECK_FALSE(twice.seen.empty());
      rig.device.complete(std::move(chain).value(), 4);
      rig.device.publish();
      twice = {};
      REQUIRE(rig.driver.try_reap().ok());
      CHECK(twice.again == 0);
      CHECK_FALSE(twice.seen.empty());
    }
  }
}

TEST_CASE(
    "packed: a driver that makes descriptors available as fast as they are read ends at the ring's size") {
  using M = HookedMemory<Endless>;
  test::Region region(64 * 1024);
  Endless endless{region.bytes(), 64, 4};
  test::RigOver<M> rig(M(region.memory(), endless), test::packed_with(), 4);
  endless.looks = 0;
  std::array<Segment, 64> storage;
  CHECK(rig.device.try_take(storage).error() == TakeError::kBroken);
  CHECK(rig.device.fault() == QueueFault::kChainNeverEnds);
  CHECK(endless.looks == 4);
}
