// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both halves together, in every combination of features.
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Rig;

static_assert(DeviceQueue<AnyDeviceQueue<RegionMemory>> && DeviceQueue<SplitDeviceQueue<RegionMemory>> &&
              DeviceQueue<PackedDeviceQueue<RegionMemory>>);
static_assert(DriverQueue<AnyDriverQueue<RegionMemory>> && DriverQueue<SplitDriverQueue<RegionMemory>> &&
              DriverQueue<PackedDriverQueue<RegionMemory>>);

namespace {

/// Runs a check for every combination of features, each with a name for the failure message.
template <class Check>
void for_all_features(Check check) {
  for (const Features& features : test::all_ring_features()) {
    INFO(test::name(features));
    check(features);
  }
}

bool same(const Segment& a, const Segment& b) {
  return a.at == b.at && a.bytes == b.bytes;
}
bool same(std::span<const Segment> a, std::span<const Segment> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Segment& x, const Segment& y) { return same(x, y); });
}

/// One request there and back. Writable bytes are used up by `written`.
void round_trip(Rig& rig, std::span<const Segment> readable, std::span<const Segment> writable, Token token,
                std::uint32_t written) {
  std::array<Segment, 16> storage;
  REQUIRE(rig.driver.try_add(readable, writable, token).ok());
  rig.driver.publish();
  auto chain = rig.device.try_take(storage);
  REQUIRE(chain.ok());
  REQUIRE(same(chain->readable(), readable));
  REQUIRE(same(chain->writable(), writable));
  rig.device.complete(std::move(chain).value(), written);
  rig.device.publish();
  const auto reaped = rig.driver.try_reap();
  REQUIRE(reaped.ok());
  REQUIRE(reaped->token == token);
  REQUIRE(reaped->written == written);
}

}  // namespace

TEST_CASE("a request arrives with its segments in order and comes back with its token and length") {
  for_all_features([](const Features& features) {
    Rig rig(features);
    const std::array readable = {rig.buffer(0, 16), rig.buffer(100, 1)};
    const std::array writable = {rig.buffer(512, 512), rig.buffer(300, 1)};
    round_trip(rig, readable, writable, Token{77}, 13);
    round_trip(rig, readable, {}, Token{UINT64_MAX}, 0);
    round_trip(rig, {}, writable, Token{0}, 513);
    CHECK(rig.driver.fault() == QueueFault::kNone);
    CHECK(rig.device.fault() == QueueFault::kNone);
  });
}

TEST_CASE("nothing is visible before publish") {
  for_all_features([](const Features& features) {
    Rig rig(features);
    std::array<Segment, 4> storage;
    const std::array request = {rig.buffer(0, 16)};
    REQUIRE(rig.driver.try_add(request, {}, Token{1}).ok());
    REQUIRE(rig.driver.try_add(request, {}, Token{2}).ok());
    CHECK(rig.device.try_take(storage).error() == TakeError::kNothing);
    rig.driver.publish();
    auto first = rig.device.try_take(storage);
    REQUIRE(first.ok());
    rig.device.complete(std::move(first).value(), 0);
    auto second = rig.device.try_take(storage);
    REQUIRE(second.ok());
    rig.device.complete(std::move(second).value(), 0);
    CHECK(rig.device.try_take(storage).error() == TakeError::kNothing);
    CHECK(rig.driver.try_reap().error() == TakeError::kNothing);
    rig.device.publish();
    CHECK(rig.driver.try_reap()->token == Token{1});
    CHECK(rig.driver.try_reap()->token == Token{2});
    CHECK(rig.driver.try_reap().error() == TakeError::kNothing);
  });
}

TEST_CASE("several segments take one ring slot when indirect tables are there, else one each") {
  for_all_features([](const Features& features) {
    Rig rig(features, 4);
    const std::array request = {rig.buffer(0, 1), rig.buffer(8, 1), rig.buffer(16, 1)};
    unsigned fit = 0;
    while (rig.driver.try_add(request, {}, Token{fit}).ok()) ++fit;
    CHECK(fit == (features.has(VIRTIO_F_INDIRECT_DESC) ? 4 : 1));
    CHECK(rig.driver.in_flight() == fit);
    CHECK(rig.driver.try_add(request, {}, Token{}).error() == AddError::kFull);
  });
}

TEST_CASE("what can never fit is told apart from what does not fit now") {
  for_all_features([](const Features& features) {
    Rig rig(features, 4);
    const std::vector<Segment> five(5, rig.buffer(0, 1));  // more than a table has entries, too
    CHECK(rig.driver.try_add(five, {}, Token{}).error() == AddError::kTooLong);
    CHECK(rig.driver.try_add({}, {}, Token{}).error() == AddError::kEmpty);
    const std::array huge = {Segment{Offset(0), UINT32_MAX}, Segment{Offset(0), 1}};
    CHECK(rig.driver.try_add(huge, {}, Token{}).error() == AddError::kTooLong);
    CHECK(rig.driver.in_flight() == 0);
    const std::array one = {rig.buffer(0, 1)};
    CHECK(rig.driver.try_add(one, {}, Token{}).ok());
  });
}

TEST_CASE("a burst takes what one by one would be taken, as far as places and storage reach") {
  for_all_features([](const Features& features) {
    Rig rig(features, 16);
    for (std::uint16_t n = 0; n < 10; ++n) {
      const Segment segment = rig.buffer(64u * n, 8u + n);
      REQUIRE(rig.driver.try_add(std::span(&segment, 1), {}, Token{n}).ok());
    }
    rig.driver.publish();
    std::array<Chain, 4> chains;
    std::array<Segment, 8> storage;
    std::uint32_t next = 0;
    const auto burst = [&](std::size_t places, std::size_t room, std::size_t longest) {
      const std::size_t taken =
          rig.device.take_burst(std::span(chains).first(places), std::span(storage).first(room), longest);
      for (std::size_t n = 0; n < taken; ++n) {
        REQUIRE(chains[n].readable().size() == 1);
        CHECK(same(chains[n].readable()[0], rig.buffer(64u * next, 8u + next)));
        ++next;
        rig.device.complete(std::move(chains[n]), 0);
      }
      return taken;
    };
    CHECK(burst(0, 8, 1) == 0);
    CHECK(burst(4, 8, 1) == 4);
    CHECK(burst(4, 4, 3) == 2);  // behind the second there is no room for a chain of three
    CHECK(burst(4, 8, 9) == 0);
    CHECK(burst(1, 8, 8) == 1);
    CHECK(burst(4, 8, 2) == 3);
    CHECK(burst(4, 8, 2) == 0);
    CHECK(rig.device.fault() == QueueFault::kNone);
    rig.device.publish();
    for (std::uint16_t n = 0; n < 10; ++n) CHECK(rig.driver.try_reap()->token == Token{n});
  });
}

TEST_CASE("a burst ends before a chain that breaks the queue, and holds the chains before it") {
  for_all_features([](const Features& features) {
    for (const bool too_long : {false, true}) {
      Rig rig(features, 16);
      const Segment good = rig.buffer(0, 8);
      const Segment bad[] = {too_long ? good : Segment{Offset(std::uint64_t{1} << 40), 8}, good, good};
      for (std::uint64_t n = 0; n < 3; ++n)
        REQUIRE(rig.driver.try_add(std::span(&good, 1), {}, Token{n}).ok());
      REQUIRE(rig.driver.try_add(std::span(bad).first(too_long ? 3 : 1), {}, Token{3}).ok());
      REQUIRE(rig.driver.try_add(std::span(&good, 1), {}, Token{4}).ok());
      rig.driver.publish();
      std::array<Chain, 8> chains;
      std::array<Segment, 32> storage;
      CHECK(rig.device.take_burst(chains, storage, 2) == 3);  // although there is storage for more
      CHECK(rig.device.fault() ==
            (too_long ? QueueFault::kChainTooLong : QueueFault::kSegmentOutsideTheRegion));
      for (std::size_t n = 0; n < 3; ++n) rig.device.complete(std::move(chains[n]), 0);
      CHECK_FALSE(rig.device.publish());
      CHECK(rig.device.take_burst(chains, storage, 2) == 0);
    }
  });
}

TEST_CASE("a full queue works on when it has been emptied, again and again") {
  for_all_features([](const Features& features) {
    Rig rig(features, 8);
    std::array<Segment, 4> storage;
    const std::array one = {rig.buffer(0, 8)};
    for (std::uint64_t lap = 0; lap < 50; ++lap) {
      std::uint64_t added = 0;
      while (rig.driver.try_add({}, one, Token{lap * 100 + added}).ok()) ++added;
      REQUIRE(added == 8);
      rig.driver.publish();
      for (std::uint64_t n = 0; n < added; ++n) {
        auto chain = rig.device.try_take(storage);
        REQUIRE(chain.ok());
        rig.device.complete(std::move(chain).value(), 8);
      }
      rig.device.publish();
      for (std::uint64_t n = 0; n < added; ++n) REQUIRE(rig.driver.try_reap()->token == Token{lap * 100 + n});
      REQUIRE(rig.driver.in_flight() == 0);
    }
  });
}

TEST_CASE(
    "requests may be completed in any order unless the order was promised, also when the queue is full") {
  for_all_features([](const Features& features) {
    if (features.has(VIRTIO_F_IN_ORDER)) return;
    for (const std::uint16_t size : {4, 8}) {
      CAPTURE(size);
      Rig rig(features, size);
      const std::array two = {rig.buffer(16, 8), rig.buffer(32, 8)};
      std::array<std::array<Segment, 4>, 4> storage;
      for (unsigned lap = 0; lap < 100; ++lap) {
        std::vector<Chain> chains;
        for (unsigned n = 0; n < 4; ++n) {
          const bool single = size == 4 || n % 2 == 0;
          const std::array at = {rig.buffer(64 * n, 8)};  // tells the requests apart
          REQUIRE(rig.driver.try_add(at, single ? std::span<const Segment>() : two, Token{n}).ok());
          rig.driver.publish();
          auto chain = rig.device.try_take(storage[n]);
          REQUIRE(chain.ok());
          REQUIRE(chain->readable()[0].at == at[0].at);
          chains.push_back(std::move(chain).value());
        }
        const unsigned count = static_cast<unsigned>(chains.size());
        const auto first = lap % count;
        std::rotate(chains.begin(), chains.begin() + first, chains.end());
        for (Chain& chain : chains) rig.device.complete(std::move(chain), 0);
        rig.device.publish();
        for (unsigned n = 0; n < count; ++n)
          REQUIRE(rig.driver.try_reap()->token == Token{(n + first) % count});
        REQUIRE(rig.driver.in_flight() == 0);
      }
    }
  });
}

TEST_CASE("in a full queue a new request takes the place of whichever came back, and no other's") {
  for_all_features([](const Features& features) {
    if (features.has(VIRTIO_F_IN_ORDER)) return;
    Rig rig(features, 4);
    struct Held {
      Chain chain;
      std::uint64_t number = 0;
      std::unique_ptr<std::array<Segment, 4>> storage = std::make_unique<std::array<Segment, 4>>();
    };
    std::vector<Held> held;
    for (std::uint64_t n = 0; n < 300; ++n) {
      const std::array one = {rig.buffer(8 * n, 8)};
      REQUIRE(rig.driver.try_add(one, {}, Token{n}).ok());
      rig.driver.publish();
      Held next;
      next.chain = rig.device.try_take(*next.storage).value();
      next.number = n;
      REQUIRE(next.chain.readable()[0].at == one[0].at);
      held.push_back(std::move(next));
      if (held.size() < 4) continue;
      REQUIRE(rig.driver.try_add(one, {}, Token{n}).error() == AddError::kFull);
      const auto which = held.begin() + static_cast<std::ptrdiff_t>(n * 7 % 4);
      const std::uint64_t number = which->number;
      rig.device.complete(std::move(which->chain), 0);
      held.erase(which);
      rig.device.publish();
      REQUIRE(rig.driver.try_reap()->token == Token{number});
    }
    for (Held& rest : held) rig.device.complete(std::move(rest.chain), 0);
    CHECK(rig.driver.fault() == QueueFault::kNone);
  });
}

TEST_CASE("every index wraps around: 70000 requests of changing shape through a small queue") {
  for_all_features([](const Features& features) {
    for (std::uint16_t size : {4, 3}) {
      if (size == 3 && !features.has(VIRTIO_F_RING_PACKED)) continue;
      CAPTURE(size);
      Rig rig(features, size);
      std::array<Segment, 8> storage;
      const std::array pieces = {rig.buffer(0, 8), rig.buffer(64, 8), rig.buffer(128, 8)};
      std::uint64_t added = 0;
      std::uint64_t reaped = 0;
      while (reaped < 70'000) {
        for (;;) {
          const std::size_t readable = added % 3;
          const std::size_t writable = readable == 0 ? 1 : added % 2;
          if (!rig.driver
                   .try_add(std::span(pieces).first(readable), std::span(pieces).first(writable),
                            Token{added})
                   .ok()) {
            break;
          }
          ++added;
        }
        rig.driver.publish();
        for (;;) {
          auto chain = rig.device.try_take(storage);
          if (!chain.ok()) break;
          const auto room = static_cast<std::uint32_t>(chain->writable_bytes());
          rig.device.complete(std::move(chain).value(), room);
        }
        rig.device.publish();
        for (;;) {
          const auto done = rig.driver.try_reap();
          if (!done.ok()) break;
          REQUIRE(done->token == Token{reaped});
          const std::uint32_t expected = reaped % 3 == 0 ? 8 : 8 * (reaped % 2);
          REQUIRE(done->written == expected);
          ++reaped;
        }
        REQUIRE(rig.driver.fault() == QueueFault::kNone);
        REQUIRE(rig.device.fault() == QueueFault::kNone);
      }
    }
  });
}

TEST_CASE("a queue of one descriptor works") {
  for_all_features([](const Features& features) {
    Rig rig(features, 1);
    const std::array one = {rig.buffer(0, 8)};
    for (unsigned n = 0; n < 10; ++n) {
      REQUIRE(rig.driver.try_add(one, {}, Token{n}).ok());
      CHECK(rig.driver.try_add(one, {}, Token{n}).error() == AddError::kFull);
      rig.driver.publish();
      std::array<Segment, 1> storage;
      auto chain = rig.device.try_take(storage);
      REQUIRE(chain.ok());
      rig.device.complete(std::move(chain).value(), 0);
      rig.device.publish();
      REQUIRE(rig.driver.try_reap()->token == Token{n});
    }
  });
}

TEST_CASE("in order, one used entry stands for all completions that were used up, and the driver sees each") {
  for (bool packed : {false, true}) {
    CAPTURE(packed);
    Rig rig(packed ? test::packed_with({VIRTIO_F_IN_ORDER}) : test::split_with({VIRTIO_F_IN_ORDER}), 8);
    const std::array one = {rig.buffer(0, 8)};
    std::array<Segment, 4> storage;
    for (unsigned n = 0; n < 5; ++n) REQUIRE(rig.driver.try_add({}, one, Token{n}).ok());
    rig.driver.publish();
    const std::array<std::uint32_t, 5> written = {8, 8, 5, 8, 8};  // the third is not used up
    for (std::uint32_t n : written) rig.device.complete(rig.device.try_take(storage).value(), n);
    rig.device.publish();
    if (packed) {
      // Entries at 0 (for three requests) and 3 (for two); the ones between are as the driver left them.
      CHECK(rig.peek<std::uint16_t>(rig.descriptor(0) + 12) == 2);
      CHECK(rig.peek<std::uint32_t>(rig.descriptor(0) + 8) == 5);
      CHECK((rig.peek<std::uint16_t>(rig.descriptor(1) + 14) & VIRTQ_DESC_F_USED) == 0);
      CHECK((rig.peek<std::uint16_t>(rig.descriptor(2) + 14) & VIRTQ_DESC_F_USED) == 0);
      CHECK(rig.peek<std::uint16_t>(rig.descriptor(3) + 12) == 4);
    } else {
      CHECK(rig.peek<std::uint32_t>(rig.device_area(4)) == 2);
      CHECK(rig.peek<std::uint32_t>(rig.device_area(4 + 8 * 1)) == 0);
      CHECK(rig.peek<std::uint32_t>(rig.device_area(4 + 8 * 3)) == 4);
      CHECK(rig.peek<std::uint16_t>(rig.device_area(2)) == 5);
    }
    for (unsigned n = 0; n < 5; ++n) {
      const auto done = rig.driver.try_reap();
      REQUIRE(done.ok());
      CHECK(done->token == Token{n});
      CHECK(done->written == written[n]);
    }
    CHECK(rig.driver.try_reap().error() == TakeError::kNothing);
  }
}

TEST_CASE("who did not arm is not told; who armed is told once, and again only after arming again") {
  for_all_features([](const Features& features) {
    Rig rig(features, 8);
    const std::array one = {rig.buffer(0, 8)};
    std::array<Segment, 4> storage;
    const auto step = [&](bool& device_told, bool& driver_told) {
      REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
      device_told = rig.driver.publish();
      auto chain = rig.device.try_take(storage);
      REQUIRE(chain.ok());
      rig.device.complete(std::move(chain).value(), 0);
      driver_told = rig.device.publish();
      REQUIRE(rig.driver.try_reap().ok());
    };
    bool device_told = false;
    bool driver_told = false;
    step(device_told, driver_told);  // zeroed memory asks for the first
    CHECK(device_told);
    CHECK(driver_told);
    rig.device.disarm();
    rig.driver.disarm();
    for (unsigned n = 0; n < 30; ++n) {
      step(device_told, driver_told);
      CHECK_FALSE(device_told);
      CHECK_FALSE(driver_told);
    }
    for (unsigned n = 0; n < 30; ++n) {
      CHECK_FALSE(rig.device.arm());
      CHECK_FALSE(rig.driver.arm());
      step(device_told, driver_told);
      CHECK(device_told);
      CHECK(driver_told);
      rig.device.disarm();
      rig.driver.disarm();
      step(device_told, driver_told);
      CHECK_FALSE(device_told);
      CHECK_FALSE(driver_told);
    }
  });
}

TEST_CASE("a batch that steps over what was armed for is told, wherever the indices stand") {
  for_all_features([](const Features& features) {
    Rig rig(features, 8);
    const std::array one = {rig.buffer(0, 8)};
    std::array<Segment, 4> storage;
    for (unsigned lap = 0; lap < 200; ++lap) {
      const unsigned batch = 1 + lap % 8;
      REQUIRE_FALSE(rig.device.arm());
      REQUIRE_FALSE(rig.driver.arm());
      for (unsigned n = 0; n < batch; ++n) REQUIRE(rig.driver.try_add(one, {}, Token{n}).ok());
      REQUIRE(rig.driver.publish());
      for (unsigned n = 0; n < batch; ++n) rig.device.complete(rig.device.try_take(storage).value(), 0);
      REQUIRE(rig.device.publish());
      for (unsigned n = 0; n < batch; ++n) REQUIRE(rig.driver.try_reap().ok());
    }
  });
}

TEST_CASE("arming sees what became available in between") {
  for_all_features([](const Features& features) {
    Rig rig(features, 8);
    const std::array one = {rig.buffer(0, 8)};
    std::array<Segment, 4> storage;
    CHECK_FALSE(rig.device.arm());
    REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
    CHECK_FALSE(rig.device.arm());
    rig.driver.publish();
    CHECK(rig.device.arm());
    auto chain = rig.device.try_take(storage);
    REQUIRE(chain.ok());
    CHECK_FALSE(rig.device.arm());
    CHECK_FALSE(rig.driver.arm());
    rig.device.complete(std::move(chain).value(), 0);
    CHECK_FALSE(rig.driver.arm());
    rig.device.publish();
    CHECK(rig.driver.arm());
    REQUIRE(rig.driver.try_reap().ok());
    CHECK_FALSE(rig.driver.arm());
  });
}

TEST_CASE("arming with requests in flight asks for the very next completion") {
  for_all_features([](const Features& features) {
    Rig rig(features, 8);
    const std::array one = {rig.buffer(0, 8)};
    std::array<std::array<Segment, 4>, 4> storage;
    for (unsigned lap = 0; lap < 20; ++lap) {
      std::array<Chain, 4> chains;
      for (unsigned n = 0; n < 4; ++n) {
        REQUIRE(rig.driver.try_add(one, {}, Token{n}).ok());
        rig.driver.publish();
        chains[n] = rig.device.try_take(storage[n]).value();
      }
      REQUIRE_FALSE(rig.driver.arm());
      rig.device.complete(std::move(chains[0]), 0);
      CHECK(rig.device.publish());
      rig.device.complete(std::move(chains[1]), 0);
      CHECK(rig.device.publish() == !features.has(VIRTIO_F_EVENT_IDX));  // only flags ask for every one
      REQUIRE(rig.driver.try_reap().ok());
      REQUIRE(rig.driver.arm());
      REQUIRE(rig.driver.try_reap().ok());
      REQUIRE_FALSE(rig.driver.arm());
      rig.device.complete(std::move(chains[2]), 0);
      rig.device.complete(std::move(chains[3]), 0);
      CHECK(rig.device.publish());
      REQUIRE(rig.driver.try_reap().ok());
      REQUIRE(rig.driver.try_reap().ok());
    }
  });
}

TEST_CASE("publishing nothing tells nobody") {
  for_all_features([](const Features& features) {
    Rig rig(features, 8);
    CHECK_FALSE(rig.driver.publish());
    CHECK_FALSE(rig.device.publish());
  });
}

TEST_CASE("an old request for notification is worth at most one spurious one a lap") {
  // Armed once, then polled for ever: with the event index the request stays where it was.
  Rig rig(test::split_with({VIRTIO_F_EVENT_IDX}), 4);
  const std::array one = {rig.buffer(0, 8)};
  std::array<Segment, 4> storage;
  unsigned told = 0;
  for (unsigned n = 0; n < 3 * 65536; ++n) {
    REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
    told += rig.driver.publish();
    rig.device.complete(rig.device.try_take(storage).value(), 0);
    rig.device.publish();
    REQUIRE(rig.driver.try_reap().ok());
  }
  CHECK(told == 3);
}

TEST_CASE("a notification carries where the next descriptor goes, when that was negotiated") {
  for (const bool packed : {false, true}) {
    CAPTURE(packed);
    Features features = packed ? test::packed_with() : test::split_with();
    {
      Rig rig(features, 4);
      const std::array one = {rig.buffer(0, 8)};
      REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
      rig.driver.publish();
      CHECK(rig.driver.next_offset() == 0);
    }
    features.set(VIRTIO_F_NOTIFICATION_DATA);
    Rig rig(features, 4);
    const std::array one = {rig.buffer(0, 8)};
    std::array<Segment, 4> storage;
    for (std::uint32_t n = 1; n < 20; ++n) {
      REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
      rig.driver.publish();
      const std::uint32_t wrap = (n / 4) % 2 == 0 ? 0x8000'0000U : 0;
      CHECK(rig.driver.next_offset() == (packed ? n % 4 + wrap : n));
      rig.device.complete(rig.device.try_take(storage).value(), 0);
      rig.device.publish();
      REQUIRE(rig.driver.try_reap().ok());
    }
  }
}

TEST_CASE("after a ring reset the driver knows what was in flight, and the ring works again") {
  for_all_features([](const Features& features) {
    Rig rig(features, 8);
    const std::array one = {rig.buffer(0, 8)};
    std::array<Segment, 4> storage;
    for (unsigned n = 0; n < 6; ++n) REQUIRE(rig.driver.try_add(one, {}, Token{n}).ok());
    rig.driver.publish();
    for (unsigned n = 0; n < 2; ++n) rig.device.complete(rig.device.try_take(storage).value(), 0);
    rig.device.publish();
    REQUIRE(rig.driver.try_reap()->token == Token{0});
    // §2.6.1: the queue is reset here; the device forgets it.
    rig.device = {};
    std::set<std::uint64_t> lost;
    while (auto token = rig.driver.reclaim()) lost.insert(token->value);
    CHECK(lost == std::set<std::uint64_t>{1, 2, 3, 4, 5});
    CHECK(rig.driver.in_flight() == 0);
    const RegionMemory memory = rig.region.memory();
    rig.driver = AnyDriverQueue<RegionMemory>::make(memory, rig.over.layout.queue, features, rig.over.slots,
                                                    rig.over.layout.tables)
                     .value();
    rig.device = AnyDeviceQueue<RegionMemory>::make(memory, rig.over.layout.queue, features).value();
    for (unsigned n = 0; n < 20; ++n) round_trip(rig, one, {}, Token{n}, 0);
  });
}

TEST_CASE("a default-made queue does nothing and says why") {
  AnyDeviceQueue<RegionMemory> device;
  AnyDriverQueue<RegionMemory> driver;
  std::array<Segment, 4> storage;
  const std::array one = {Segment{Offset(0), 8}};
  CHECK(device.fault() == QueueFault::kNotSetUp);
  CHECK(device.try_take(storage).error() == TakeError::kBroken);
  CHECK_FALSE(device.publish());
  CHECK_FALSE(device.arm());
  device.disarm();
  CHECK(device.size() == 0);
  CHECK(driver.fault() == QueueFault::kNotSetUp);
  CHECK(driver.try_add(one, {}, Token{}).error() == AddError::kBroken);
  CHECK(driver.try_reap().error() == TakeError::kBroken);
  CHECK_FALSE(driver.publish());
  CHECK_FALSE(driver.arm());
  driver.disarm();
  CHECK_FALSE(driver.reclaim().has_value());
  CHECK(driver.next_offset() == 0);
}

TEST_CASE("a dropped chain breaks the queue that it came from") {
  for_all_features([](const Features& features) {
    Rig rig(features, 8);
    const std::array one = {rig.buffer(0, 8)};
    std::array<Segment, 4> storage;
    REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
    rig.driver.publish();
    { auto chain = rig.device.try_take(storage); }
    CHECK(rig.device.fault() == QueueFault::kChainNotCompleted);
    CHECK(rig.device.try_take(storage).error() == TakeError::kBroken);
    CHECK_FALSE(rig.device.publish());
  });
}

TEST_CASE("a moved chain is dropped once") {
  Rig rig(test::split_with(), 8);
  const std::array one = {rig.buffer(0, 8)};
  std::array<Segment, 4> storage;
  REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
  rig.driver.publish();
  Chain chain = rig.device.try_take(storage).value();
  Chain other = std::move(chain);
  CHECK_FALSE(chain.held());  // NOLINT(bugprone-use-after-move): empty by contract
  CHECK(other.held());
  chain = std::move(other);
  rig.device.complete(std::move(chain), 0);
  CHECK(rig.device.fault() == QueueFault::kNone);
}

TEST_CASE("completing another queue's chain breaks the queue that was given it, and the one it came from") {
  for_all_features([](const Features& features) {
    Rig rig(features, 8);
    Rig other(features, 8);
    const std::array one = {rig.buffer(0, 8)};
    std::array<Segment, 4> storage;
    REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
    rig.driver.publish();
    other.device.complete(rig.device.try_take(storage).value(), 0);
    CHECK(other.device.fault() == QueueFault::kChainOfAnotherQueue);
    CHECK(rig.device.fault() == QueueFault::kChainNotCompleted);
  });
}

TEST_CASE("completing out of order although the order was promised breaks the queue") {
  for (const Features& features :
       {test::split_with({VIRTIO_F_IN_ORDER}), test::packed_with({VIRTIO_F_IN_ORDER})}) {
    Rig rig(features, 8);
    const std::array one = {rig.buffer(0, 8)};
    std::array<std::array<Segment, 4>, 2> storage;
    for (unsigned n = 0; n < 2; ++n) REQUIRE(rig.driver.try_add(one, {}, Token{}).ok());
    rig.driver.publish();
    Chain first = rig.device.try_take(storage[0]).value();
    rig.device.complete(rig.device.try_take(storage[1]).value(), 0);
    CHECK(rig.device.fault() == QueueFault::kCompletedOutOfOrder);
    rig.device.complete(std::move(first), 0);
  }
}
