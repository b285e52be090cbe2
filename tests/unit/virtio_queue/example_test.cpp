// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "../../../virtio/examples/queue.hpp"

#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <vector>

using namespace hawser;
using namespace hawser::virtio;

TEST_CASE("the example in the README works in every format and gives its memory back") {
  for (const Features& features : test::all_ring_features()) {
    INFO(test::name(features));
    test::Region region(16 * 1024);
    std::vector<std::uint64_t> bitmap(Arena::bitmap_words(16 * 1024));
    Arena arena(Offset(0), 16 * 1024, bitmap);
    const auto layout = place_ring(arena, 8, features);
    REQUIRE(layout);
    std::vector<DriverSlot> slots(8);
    auto driver = AnyDriverQueue<RegionMemory>::make(region.memory(), *layout, features, slots).value();
    auto device = AnyDeviceQueue<RegionMemory>::make(region.memory(), *layout, features).value();
    const std::uint64_t free = arena.free_bytes();
    for (std::uint32_t n = 0; n < 100; ++n) {
      bool tell = false;
      REQUIRE(ask(driver, arena, n, tell));
      CHECK_FALSE(answer(driver, arena).has_value());
      serve(device);
      CHECK(answer(driver, arena) == n + 1);
    }
    CHECK(arena.free_bytes() == free);
    CHECK_FALSE(arena.misused());
  }
}
