// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The publishing order of all four halves: whatever state of the ring the other side may have seen, what it
// could reach was complete. The observers here read the ring's bytes by themselves and share no code with the
// queues.
#include <hawser/virtio/queue/any.hpp>

#include <doctest/doctest.h>

#include "support/history_memory.hpp"
#include "support/queue_rig.hpp"

#include <array>
#include <cstring>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;
using test::History;
using test::HistoryMemory;

namespace {

constexpr unsigned kDriver = 1;
constexpr unsigned kDevice = 2;
constexpr std::uint16_t kSize = 4;

struct Expected {
  std::vector<Segment> segments;
  std::size_t readable = 0;
  std::uint32_t written = 0;
  std::size_t descriptors = 0;  ///< Ring slots.
};

template <class T>
T word(std::span<const std::byte> bytes, std::uint64_t at) {
  T raw;
  std::memcpy(&raw, bytes.data() + at, sizeof raw);
  return little(raw);
}

/// Both halves over one history, run through several laps of requests of changing shape. All requests of a
/// batch are visible at once, are completed at once, and are reaped at once.
struct Run {
  explicit Run(const Features& negotiated)
      : features(negotiated),
        layout(test::RigLayout::of(kSize, ring_format(features), features.has(VIRTIO_F_INDIRECT_DESC))),
        history(static_cast<std::size_t>(layout.buffers.bytes()) + 16384) {
    std::vector<DriverSlot> slots(kSize);
    auto driver = AnyDriverQueue<HistoryMemory>::make(HistoryMemory(history, kDriver), layout.queue, features,
                                                      slots, layout.tables)
                      .value();
    auto device =
        AnyDeviceQueue<HistoryMemory>::make(HistoryMemory(history, kDevice), layout.queue, features).value();
    std::array<std::array<Segment, 8>, kSize> storage;
    for (unsigned batch = 0; batch < 12; ++batch) {
      const std::size_t first = requests.size();
      for (unsigned n = 0; n < 1 + batch % kSize; ++n) {
        if (!add(driver)) break;
      }
      driver.publish();
      std::vector<Chain> chains;
      for (std::size_t n = first; n < requests.size(); ++n) {
        chains.push_back(device.try_take(storage[n - first]).value());
      }
      // A mark is how many requests are finished: the driver may overwrite them once the device is done.
      for (std::size_t n = first; n < requests.size(); ++n) {
        sign(kDevice, chains[n - first].writable(), n);
        device.complete(std::move(chains[n - first]), requests[n].written);
      }
      device.publish();
      for (std::size_t n = first; n < requests.size(); ++n) REQUIRE(driver.try_reap().ok());
      history.mark(requests.size());
    }
    REQUIRE(driver.fault() == QueueFault::kNone);
    REQUIRE(device.fault() == QueueFault::kNone);
  }

  bool add(AnyDriverQueue<HistoryMemory>& driver) {
    Expected next;
    const std::size_t n = requests.size();
    next.readable = n % 3;
    const std::size_t writable = next.readable == 0 ? 1 : n % 2;
    for (std::size_t piece = 0; piece < next.readable + writable; ++piece) {
      next.segments.push_back(
          {layout.buffers + 256 * n + 64 * piece, static_cast<std::uint32_t>(1 + n % 50 + piece)});
    }
    std::uint32_t room = 0;
    for (std::size_t piece = next.readable; piece < next.segments.size(); ++piece)
      room += next.segments[piece].bytes;
    next.written = n % 4 == 0 ? room : room / 2;
    next.descriptors = next.segments.size() > 1 && layout.tables.entries != 0 ? 1 : next.segments.size();
    const auto all = std::span<const Segment>(next.segments);
    sign(kDriver, all.first(next.readable), n);
    if (!driver.try_add(all.first(next.readable), all.subspan(next.readable), Token{n}).ok()) return false;
    requests.push_back(next);
    return true;
  }

  /// The contents: the first byte of each piece says whose it is.
  void sign(unsigned party, std::span<const Segment> segments, std::size_t n) {
    const std::array mark = {static_cast<std::byte>(n + 1)};
    for (const Segment& segment : segments) {
      HistoryMemory(history, party).area(segment.at, segment.bytes, 1).value().write(0, mark);
    }
  }

  Features features;
  test::RigLayout layout;
  History history;
  std::vector<Expected> requests;
};

/// Whether these segments carry the contents of request n.
bool signed_by(std::span<const std::byte> bytes, std::span<const Segment> segments, std::size_t n) {
  return std::all_of(segments.begin(), segments.end(), [&](const Segment& segment) {
    return word<std::uint8_t>(bytes, segment.at.bytes()) == n + 1;
  });
}
bool answered(const Run& run, std::span<const std::byte> bytes, std::size_t n) {
  return signed_by(bytes, std::span(run.requests[n].segments).subspan(run.requests[n].readable), n);
}

/// The descriptors of request n as found in the ring's bytes, and its contents.
bool matches(const Run& run, std::span<const std::byte> bytes, std::size_t n,
             const std::vector<std::array<std::uint64_t, 3>>& found) {
  const Expected& expected = run.requests[n];
  if (!signed_by(bytes, std::span(expected.segments).first(expected.readable), n)) return false;
  if (found.size() != expected.segments.size()) return false;
  for (std::size_t n = 0; n < found.size(); ++n) {
    if (found[n][0] != expected.segments[n].at.bytes() || found[n][1] != expected.segments[n].bytes)
      return false;
    if ((found[n][2] & 2) != (n >= expected.readable ? 2U : 0U)) return false;
  }
  return true;
}

using Found = std::vector<std::array<std::uint64_t, 3>>;

Found split_chain(std::span<const std::byte> bytes, std::uint64_t table, std::uint16_t index) {
  Found found;
  for (int steps = 0; steps < 16; ++steps) {
    const std::uint64_t at = table + 16ULL * index;
    const auto flags = word<std::uint16_t>(bytes, at + 12);
    if ((flags & 4) != 0) return split_chain(bytes, word<std::uint64_t>(bytes, at), 0);
    found.push_back({word<std::uint64_t>(bytes, at), word<std::uint32_t>(bytes, at + 8), flags});
    if ((flags & 1) == 0) break;
    index = word<std::uint16_t>(bytes, at + 14);
    if (index >= 16) break;
  }
  return found;
}

/// Requests that the device could see in this state of a split ring, of those not finished; -1 if one is
/// incomplete.
int split_driver_view(const Run& run, std::span<const std::byte> bytes, std::size_t finished) {
  const std::uint64_t avail = run.layout.queue.driver.bytes();
  const auto index = word<std::uint16_t>(bytes, avail + 2);
  int complete = 0;
  for (std::size_t n = finished; n < index; ++n, ++complete) {
    const auto head = word<std::uint16_t>(bytes, avail + 4 + 2 * (n % kSize));
    if (head >= kSize || n >= run.requests.size()) return -1;
    if (!matches(run, bytes, n, split_chain(bytes, run.layout.queue.descriptors.bytes(), head))) return -1;
  }
  return complete;
}

/// Where request n starts in a packed ring, counted in slots since the beginning.
std::size_t packed_start(const Run& run, std::size_t n) {
  std::size_t slots = 0;
  for (std::size_t k = 0; k < n; ++k) slots += run.requests[k].descriptors;
  return slots;
}

bool packed_turn(std::uint16_t flags, std::size_t slot, bool used) {
  const bool wrap = (slot / kSize) % 2 == 0;
  const bool avail_bit = (flags & 0x80) != 0;
  const bool used_bit = (flags & 0x8000) != 0;
  return used ? avail_bit == wrap && used_bit == wrap : avail_bit == wrap && used_bit != wrap;
}

int packed_driver_view(const Run& run, std::span<const std::byte> bytes, std::size_t finished) {
  const std::uint64_t ring = run.layout.queue.descriptors.bytes();
  std::size_t slot = packed_start(run, finished);
  int complete = 0;
  for (std::size_t n = finished;; ++n, ++complete) {
    std::uint64_t at = ring + 16 * (slot % kSize);
    if (!packed_turn(word<std::uint16_t>(bytes, at + 14), slot, false)) return complete;
    if (n >= run.requests.size()) return -1;
    Found found;
    for (int steps = 0; steps < kSize; ++steps) {
      at = ring + 16 * (slot % kSize);
      const auto flags = word<std::uint16_t>(bytes, at + 14);
      if (!packed_turn(flags, slot, false)) return -1;
      ++slot;
      if ((flags & 4) != 0) {
        const auto table = word<std::uint64_t>(bytes, at);
        const auto entries = word<std::uint32_t>(bytes, at + 8) / 16;
        if (entries > 16) return -1;
        for (std::uint64_t e = 0; e < entries; ++e) {
          found.push_back({word<std::uint64_t>(bytes, table + 16 * e),
                           word<std::uint32_t>(bytes, table + 16 * e + 8),
                           word<std::uint16_t>(bytes, table + 16 * e + 14)});
        }
        break;
      }
      found.push_back({word<std::uint64_t>(bytes, at), word<std::uint32_t>(bytes, at + 8), flags});
      if ((flags & 1) == 0) break;
    }
    if (!matches(run, bytes, n, found)) return -1;
  }
}

/// Completions that the driver could see in this state; -1 if one of them has another length. Without
/// VIRTIO_F_IN_ORDER each request has an entry; with it, entries stand in the place of the first they cover
/// and the identity of the last is known by its length alone here, so only covered counts are checked.
int split_device_view(const Run& run, std::span<const std::byte> bytes, std::size_t finished) {
  const std::uint64_t used = run.layout.queue.device.bytes();
  const auto index = word<std::uint16_t>(bytes, used + 2);
  int complete = 0;
  for (std::size_t n = finished; n < index; ++n, ++complete) {
    if (n >= run.requests.size()) return -1;
    const auto length = word<std::uint32_t>(bytes, used + 4 + 8 * (n % kSize) + 4);
    const bool in_order = run.features.has(VIRTIO_F_IN_ORDER);
    bool right = length == run.requests[n].written;
    // In order, a request that was used up may be covered by an entry that carries a later one's length.
    for (std::size_t k = n + 1; !right && in_order && k < index; ++k)
      right = length == run.requests[k].written;
    if (in_order && n != finished) right = true;  // may have no entry of its own
    if (!right || !answered(run, bytes, n)) return -1;
  }
  return complete;
}

int packed_device_view(const Run& run, std::span<const std::byte> bytes, std::size_t finished) {
  const std::uint64_t ring = run.layout.queue.descriptors.bytes();
  std::size_t slot = packed_start(run, finished);
  int complete = 0;
  for (std::size_t n = finished;; ++n, ++complete) {
    const std::uint64_t at = ring + 16 * (slot % kSize);
    if (!packed_turn(word<std::uint16_t>(bytes, at + 14), slot, true)) return complete;
    if (n >= run.requests.size()) return -1;
    const auto length = word<std::uint32_t>(bytes, at + 8);
    if (run.features.has(VIRTIO_F_IN_ORDER)) {
      std::size_t covered = n;
      while (covered < run.requests.size() && run.requests[covered].written != length) ++covered;
      if (covered == run.requests.size()) return -1;
      for (; n < covered; ++n, ++complete) {
        if (!answered(run, bytes, n)) return -1;
        slot += run.requests[n].descriptors;
      }
    } else if (length != run.requests[n].written) {
      return -1;
    }
    if (!answered(run, bytes, n)) return -1;
    slot += run.requests[n].descriptors;
  }
}

using View = int (*)(const Run&, std::span<const std::byte>, std::size_t);

/// Replays everything that `party` stored; how many states showed something incomplete.
struct Verdict {
  std::size_t states = 0;
  std::size_t broken = 0;
  int most = 0;
};
Verdict judge(const Run& run, unsigned party, View view) {
  Verdict verdict;
  verdict.states = run.history.replay(party, [&](std::span<const std::byte> bytes, std::uint64_t finished) {
    const int seen = view(run, bytes, static_cast<std::size_t>(finished));
    if (seen < 0) ++verdict.broken;
    verdict.most = std::max(verdict.most, seen);
  });
  return verdict;
}

}  // namespace

TEST_CASE("whatever the device sees of a driver's stores, the requests it can reach are complete") {
  for (const Features& features : test::all_ring_features()) {
    INFO(test::name(features));
    const Run run(features);
    const Verdict verdict =
        judge(run, kDriver, features.has(VIRTIO_F_RING_PACKED) ? packed_driver_view : split_driver_view);
    CHECK(verdict.states > 100);
    CHECK(verdict.most >= 2);
    CHECK(verdict.broken == 0);
  }
}

TEST_CASE("whatever the driver sees of a device's stores, the completions it can reach are complete") {
  for (const Features& features : test::all_ring_features()) {
    INFO(test::name(features));
    const Run run(features);
    const Verdict verdict =
        judge(run, kDevice, features.has(VIRTIO_F_RING_PACKED) ? packed_device_view : split_device_view);
    CHECK(verdict.states > 20);
    CHECK(verdict.most >= 2);
    CHECK(verdict.broken == 0);
  }
}

TEST_CASE("the replay notices a publisher that shows the index before the entry") {
  History history(64);
  const auto area = HistoryMemory(history, kDriver).area(Offset(0), 64, 8).value();
  const auto look = [](std::span<const std::byte> bytes, std::uint64_t) {
    return word<std::uint16_t>(bytes, 2) > 0 && word<std::uint16_t>(bytes, 4) != 7;
  };
  std::size_t broken = 0;
  area.publish<std::uint16_t>(2, 1);
  area.store<std::uint16_t>(4, 7);
  history.replay(kDriver, [&](auto bytes, auto mark) { broken += look(bytes, mark); });
  CHECK(broken == 1);
}

TEST_CASE("the replay notices an index that is stored without a release") {
  History history(64);
  const auto area = HistoryMemory(history, kDriver).area(Offset(0), 64, 8).value();
  area.store<std::uint16_t>(4, 7);
  area.store<std::uint16_t>(8, 7);
  area.store<std::uint16_t>(2, 1);
  std::size_t broken = 0;
  history.replay(kDriver, [&](std::span<const std::byte> bytes, std::uint64_t) {
    broken += word<std::uint16_t>(bytes, 2) == 1 && word<std::uint16_t>(bytes, 8) != 7;
  });
  CHECK(broken != 0);
}
