// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Ranges, and what others leave free of one.
#include "range.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace hawser::guest;

namespace {

std::vector<std::pair<std::uint64_t, std::uint64_t>> free_pieces(Range whole, std::span<const Range> taken) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pieces;
  for_each_free(whole, taken, [&](Range piece) { pieces.emplace_back(piece.base, piece.end()); });
  return pieces;
}

}  // namespace

TEST_CASE("alignment saturates at the top instead of wrapping") {
  CHECK(align_up(4097, 4096) == 8192);
  CHECK(align_up(UINT64_MAX, 4096) == UINT64_MAX - 4095);
  CHECK(Range::clipped(UINT64_MAX - 10, 100).end() == UINT64_MAX);
}

TEST_CASE("the free pieces are what no taken range touches") {
  const std::array taken = {Range{50, 10}, Range{20, 10},  Range{25, 10},
                            Range{0, 5},   Range{95, 100}, Range{70, 0}};
  CHECK(free_pieces({0, 100}, taken) ==
        std::vector<std::pair<std::uint64_t, std::uint64_t>>{{5, 20}, {35, 50}, {60, 95}});
}

TEST_CASE("a range that is taken whole has no free piece") {
  const std::array taken = {Range{0, 60}, Range{40, 60}};
  CHECK(free_pieces({10, 80}, taken).empty());
}

TEST_CASE("every choice of three taken ranges agrees with marking the bytes one by one") {
  constexpr std::uint64_t kSize = 7;
  std::vector<Range> ranges;
  for (std::uint64_t base = 0; base < kSize; ++base) {
    for (std::uint64_t size = 0; base + size <= kSize; size += 2) ranges.push_back({base, size});
  }
  for (const Range& a : ranges) {
    for (const Range& b : ranges) {
      for (const Range& c : ranges) {
        const std::array taken = {a, b, c};
        std::array<bool, kSize> marked{};
        for_each_free({1, kSize - 2}, taken, [&](Range piece) {
          REQUIRE_FALSE(piece.empty());
          for (auto at = piece.base; at < piece.end(); ++at) marked.at(at) = true;
        });
        for (std::uint64_t at = 0; at < kSize; ++at) {
          const Range byte{at, 1};
          const bool free =
              at >= 1 && at < kSize - 1 && !byte.overlaps(a) && !byte.overlaps(b) && !byte.overlaps(c);
          REQUIRE(marked.at(at) == free);
        }
      }
    }
  }
}

TEST_CASE("the largest free piece is whole pages") {
  const std::array taken = {Range{0x5000, 0x1001}};
  const Range best = largest_free({0x1001, 0x9000}, taken);
  CHECK(best.base == 0x2000);
  CHECK(best.size == 0x3000);
}
