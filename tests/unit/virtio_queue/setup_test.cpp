// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/queue/any.hpp>

#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <array>
#include <set>
#include <string>

using namespace hawser;
using namespace hawser::virtio;

namespace {

constexpr std::uint64_t kRegion = 64 * 1024;

SetupError device_error(const QueueLayout& layout, const Features& features) {
  static test::Region region(kRegion);
  const auto queue = AnyDeviceQueue<RegionMemory>::make(region.memory(), layout, features);
  REQUIRE_FALSE(queue.ok());
  return queue.error();
}
SetupError driver_error(const QueueLayout& layout, const Features& features, std::span<DriverSlot> slots,
                        IndirectTables tables = {}) {
  static test::Region region(kRegion);
  const auto queue = AnyDriverQueue<RegionMemory>::make(region.memory(), layout, features, slots, tables);
  REQUIRE_FALSE(queue.ok());
  return queue.error();
}

}  // namespace

TEST_CASE("the areas are as large and as aligned as the specification says") {
  const RingShape split = ring_bytes(RingFormat::kSplit, 256);
  CHECK(split.descriptors.bytes == 4096);
  CHECK(split.descriptors.align == 16);
  CHECK(split.driver.bytes == 6 + 2 * 256);
  CHECK(split.driver.align == 2);
  CHECK(split.device.bytes == 6 + 8 * 256);
  CHECK(split.device.align == 4);
  const RingShape packed = ring_bytes(RingFormat::kPacked, 7);
  CHECK(packed.descriptors.bytes == 112);
  CHECK(packed.descriptors.align == 16);
  CHECK(packed.driver.bytes == 4);
  CHECK(packed.driver.align == 4);
  CHECK(packed.device.bytes == 4);
  CHECK(packed.device.align == 4);
}

TEST_CASE("a queue of no size, of a wrong size or of too large a size is refused") {
  const auto split = test::split_with();
  const auto packed = test::packed_with();
  std::array<DriverSlot, 8> slots;
  CHECK(device_error({0, Offset(0), Offset(4096), Offset(8192)}, split) == SetupError::kSizeIsZero);
  CHECK(device_error({0, Offset(0), Offset(4096), Offset(8192)}, packed) == SetupError::kSizeIsZero);
  CHECK(device_error({6, Offset(0), Offset(4096), Offset(8192)}, split) == SetupError::kSizeIsNotAPowerOfTwo);
  CHECK(device_error({32769, Offset(0), Offset(4096), Offset(8192)}, packed) == SetupError::kSizeIsTooLarge);
  CHECK(driver_error({0, Offset(0), Offset(4096), Offset(8192)}, split, slots) == SetupError::kSizeIsZero);
  CHECK(driver_error({16, Offset(0), Offset(4096), Offset(8192)}, split, slots) == SetupError::kTooFewSlots);
  CHECK(driver_error({9, Offset(0), Offset(4096), Offset(8192)}, packed, slots) == SetupError::kTooFewSlots);
}

TEST_CASE("an area outside the region or misaligned is refused, whichever it is") {
  for (const Features& features : {test::split_with(), test::packed_with()}) {
    INFO(test::name(features));
    for (int area = 0; area < 3; ++area) {
      CAPTURE(area);
      const auto with = [&](std::uint64_t at) {
        QueueLayout layout{8, Offset(0), Offset(4096), Offset(8192)};
        (area == 0 ? layout.descriptors : area == 1 ? layout.driver : layout.device) = Offset(at);
        return layout;
      };
      CHECK(device_error(with(kRegion), features) == SetupError::kAreaIsOutsideTheRegion);
      CHECK(device_error(with(kRegion - 2), features) == SetupError::kAreaIsOutsideTheRegion);
      CHECK(device_error(with(UINT64_MAX - 15), features) == SetupError::kAreaIsOutsideTheRegion);
      CHECK(device_error(with(1), features) == SetupError::kAreaIsMisaligned);
      std::array<DriverSlot, 8> slots;
      CHECK(driver_error(with(1), features, slots) == SetupError::kAreaIsMisaligned);
      CHECK(driver_error(with(kRegion), features, slots) == SetupError::kAreaIsOutsideTheRegion);
    }
  }
}

TEST_CASE("indirect tables are checked like the ring, and ignored when not negotiated") {
  const QueueLayout layout{8, Offset(0), Offset(4096), Offset(8192)};
  std::array<DriverSlot, 8> slots;
  for (const Features& base : {test::split_with(), test::packed_with()}) {
    Features features = base;
    test::Region region(kRegion);
    CHECK(AnyDriverQueue<RegionMemory>::make(region.memory(), layout, features, slots, {Offset(kRegion), 4})
              .ok());
    features.set(VIRTIO_F_INDIRECT_DESC);
    CHECK(driver_error(layout, features, slots, {Offset(kRegion), 4}) == SetupError::kAreaIsOutsideTheRegion);
    CHECK(driver_error(layout, features, slots, {Offset(8), 4}) == SetupError::kAreaIsMisaligned);
  }
}

TEST_CASE("a driver queue starts on a cleared ring whatever was there") {
  for (const Features& features : {test::split_with(), test::packed_with()}) {
    test::Region region(kRegion);
    for (std::byte& byte : region.bytes()) byte = std::byte{0xff};
    std::array<DriverSlot, 8> slots;
    const QueueLayout layout{8, Offset(0), Offset(4096), Offset(8192)};
    REQUIRE(AnyDriverQueue<RegionMemory>::make(region.memory(), layout, features, slots).ok());
    const RingShape shape = ring_bytes(ring_format(features), 8);
    const auto all_zero = [&](Offset at, std::uint64_t bytes) {
      for (std::uint64_t n = 0; n < bytes; ++n) {
        if (region.bytes()[at.bytes() + n] != std::byte{0}) return false;
      }
      return true;
    };
    CHECK(all_zero(layout.descriptors, shape.descriptors.bytes));
    CHECK(all_zero(layout.driver, shape.driver.bytes));
    CHECK(all_zero(layout.device, shape.device.bytes));
    CHECK_FALSE(all_zero(layout.device, shape.device.bytes + 1));
  }
}

TEST_CASE("every error has a sentence of its own") {
  std::set<std::string> sentences;
  for (int n = 0; n <= static_cast<int>(SetupError::kTooFewSlots); ++n) {
    sentences.insert(describe(static_cast<SetupError>(n)));
  }
  for (int n = 0; n <= static_cast<int>(QueueFault::kUsedOutOfOrder); ++n) {
    sentences.insert(describe(static_cast<QueueFault>(n)));
  }
  CHECK(sentences.size() == static_cast<std::size_t>(SetupError::kTooFewSlots) +
                                static_cast<std::size_t>(QueueFault::kUsedOutOfOrder) + 2);
  CHECK(std::string(describe(static_cast<QueueFault>(200))) == "an unknown queue fault");
}
