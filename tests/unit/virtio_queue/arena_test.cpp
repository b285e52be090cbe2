// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/queue/arena.hpp>

#include <doctest/doctest.h>

#include "support/seed.hpp"

#include <array>
#include <map>
#include <random>
#include <vector>

using namespace hawser;
using hawser::virtio::Arena;

namespace {

struct Fixture {
  explicit Fixture(std::uint64_t size, Offset base = Offset(4096))
      : bitmap(Arena::bitmap_words(size)), arena(base, size, bitmap) {}
  std::vector<std::uint64_t> bitmap;
  Arena arena;
};

}  // namespace

TEST_CASE("an arena hands out what it has and nothing more") {
  Fixture f(64 * 10);
  std::vector<Offset> got;
  while (auto at = f.arena.allocate(64)) got.push_back(*at);
  CHECK(got.size() == 10);
  CHECK(f.arena.free_bytes() == 0);
  for (Offset at : got) {
    CHECK(at.bytes() % 64 == 0);
    CHECK(at >= Offset(4096));
    CHECK(at < Offset(4096 + 640));
    f.arena.release(at, 64);
  }
  CHECK(f.arena.free_bytes() == 640);
  CHECK_FALSE(f.arena.misused());
}

TEST_CASE("an arena rounds up to whole cache lines") {
  Fixture f(256);
  const auto first = f.arena.allocate(65);
  const auto second = f.arena.allocate(1);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(second->bytes() - first->bytes() == 128);
  CHECK(f.arena.free_bytes() == 64);
}

TEST_CASE("an arena aligns the offset as asked") {
  Fixture f(64 * 1024, Offset(64));
  REQUIRE(f.arena.allocate(64));
  for (std::uint64_t align : {64, 128, 256, 4096, 16384}) {
    const auto at = f.arena.allocate(100, align);
    REQUIRE(at);
    CHECK(at->bytes() % align == 0);
  }
  CHECK_FALSE(f.arena.allocate(64, 96));  // no power of two
  CHECK(f.arena.allocate(64, 1)->bytes() % 64 == 0);
}

TEST_CASE("an arena finds a gap that lies before the place it last looked at") {
  Fixture f(64 * 200);
  const auto first = f.arena.allocate(64 * 150);
  const auto second = f.arena.allocate(64 * 50);
  REQUIRE(first);
  REQUIRE(second);
  f.arena.release(*first, 64 * 150);
  f.arena.release(*second, 64 * 50);
  REQUIRE(f.arena.allocate(64 * 50));
  CHECK(f.arena.allocate(64 * 150));
}

TEST_CASE("zero bytes, too many bytes and an empty arena give nothing") {
  Fixture f(640);
  CHECK_FALSE(f.arena.allocate(0));
  CHECK_FALSE(f.arena.allocate(641));
  CHECK_FALSE(f.arena.allocate(UINT64_MAX));
  CHECK_FALSE(Arena().allocate(1));
  Arena none;
  none.release(Offset(0), 64);
  CHECK(none.misused());
}

TEST_CASE("a double release is ignored and remembered") {
  Fixture f(640);
  const auto at = f.arena.allocate(128);
  REQUIRE(at);
  f.arena.release(*at, 128);
  CHECK_FALSE(f.arena.misused());
  f.arena.release(*at, 128);
  CHECK(f.arena.misused());
  CHECK(f.arena.free_bytes() == 640);
  f.arena.reset();
  CHECK_FALSE(f.arena.misused());
}

TEST_CASE("a foreign, odd or too long release is ignored and remembered") {
  for (const auto& place : std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 64},
                                                                                {4096 + 640, 64},
                                                                                {4096 + 32, 64},
                                                                                {4096, 0},
                                                                                {4096, 641},
                                                                                {4096, UINT64_MAX},
                                                                                {UINT64_MAX, 64}}) {
    const auto at = place.first;
    const auto bytes = place.second;
    CAPTURE(at);
    CAPTURE(bytes);
    Fixture f(640);
    REQUIRE(f.arena.allocate(640));
    f.arena.release(Offset(at), bytes);
    CHECK(f.arena.misused());
    CHECK(f.arena.free_bytes() == 0);
  }
}

TEST_CASE("a release that covers more than was allocated is ignored and remembered") {
  Fixture f(640);
  const auto at = f.arena.allocate(64);
  f.arena.release(*at, 128);
  CHECK(f.arena.misused());
  CHECK(f.arena.free_bytes() == 640 - 64);
}

TEST_CASE("a base between cache lines costs the first line, a short bitmap the rest") {
  std::array<std::uint64_t, 1> bitmap;
  Arena arena(Offset(100), 64 * 1000, bitmap);
  CHECK(arena.base() == Offset(128));
  CHECK(arena.size() == 64 * 64);
  CHECK(Arena(Offset(100), 20, bitmap).size() == 0);
}

TEST_CASE("however it is used, no two allocations overlap and all bytes come back") {
  HAWSER_TEST_SEED(seed);
  std::mt19937_64 random(seed);
  constexpr std::uint64_t kSize = 64 * 777;
  Fixture f(kSize);
  std::map<std::uint64_t, std::uint64_t> held;
  std::uint64_t held_units = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const std::uint64_t bytes = 1 + random() % (random() % 8 == 0 ? 8192 : 300);
      const std::uint64_t align = std::uint64_t{64} << (random() % 4);
      const auto at = f.arena.allocate(bytes, align);
      if (!at) continue;
      REQUIRE(at->bytes() % align == 0);
      REQUIRE(at->bytes() >= 4096);
      REQUIRE(at->bytes() + bytes <= 4096 + kSize);
      const auto after = held.lower_bound(at->bytes());
      if (after != held.end()) REQUIRE(at->bytes() + bytes <= after->first);
      if (after != held.begin()) REQUIRE(std::prev(after)->first + std::prev(after)->second <= at->bytes());
      held[at->bytes()] = bytes;
      held_units += (bytes + 63) / 64;
    } else if (!held.empty()) {
      const auto victim = std::next(held.begin(), static_cast<std::ptrdiff_t>(random() % held.size()));
      f.arena.release(Offset(victim->first), victim->second);
      held_units -= (victim->second + 63) / 64;
      held.erase(victim);
    }
    REQUIRE(f.arena.free_bytes() == kSize - 64 * held_units);
  }
  for (auto [at, bytes] : held) f.arena.release(Offset(at), bytes);
  CHECK(f.arena.free_bytes() == kSize);
  CHECK(f.arena.allocate(kSize));
  CHECK_FALSE(f.arena.misused());
}
