// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The page table builder with entries that are easy to read back.
#include "page_tables.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>

using namespace hawser::guest;

namespace {

// Bit 0 present, bit 1 leaf, bits 2 and 3 the kind.
struct Entries {
  static std::uint64_t table(std::uint64_t address) { return address | 1; }
  static std::uint64_t leaf(std::uint64_t address, unsigned, MemoryKind kind) {
    return address | 3 | static_cast<std::uint64_t>(kind) << 2;
  }
  static bool leaf_allowed(unsigned level) { return level <= 2; }
  static bool present(std::uint64_t entry) { return entry & 1; }
  static bool leads_to_table(std::uint64_t entry, unsigned) { return !(entry & 2); }
  static std::uint64_t address(std::uint64_t entry) { return entry & ~UINT64_C(0xfff); }
  static bool same_mapping(std::uint64_t a, std::uint64_t b) { return a == b; }
};

template <std::size_t N>
struct Fixture {
  std::unique_ptr<PageTables<Entries, N>> tables = std::make_unique<PageTables<Entries, N>>();

  struct Found {
    std::uint64_t address;
    MemoryKind kind;
    unsigned level;
  };
  // What a processor would find.
  std::optional<Found> walk(std::uint64_t at) const {
    std::uint64_t table = tables->root();
    for (unsigned level = 4; level >= 1; --level) {
      const unsigned shift = 12 + 9 * (level - 1);
      const std::uint64_t entry = reinterpret_cast<const std::uint64_t*>(table)[(at >> shift) % 512];
      if (!(entry & 1)) return std::nullopt;
      if (entry & 2) {
        const std::uint64_t block = UINT64_C(1) << shift;
        return Found{align_down(entry, block) + at % block, static_cast<MemoryKind>(entry >> 2 & 3), level};
      }
      table = Entries::address(entry);
    }
    return std::nullopt;
  }
  bool maps(std::uint64_t at, MemoryKind kind) const {
    const auto found = walk(at);
    return found && found->address == at && found->kind == kind;
  }
};

constexpr std::uint64_t kMiB = 1u << 20;

}  // namespace

TEST_CASE("a mapped range is found page by page, and nothing beside it") {
  Fixture<8> f;
  REQUIRE(f.tables->map({0x1ff000, 4 * kMiB}, MemoryKind::kData));
  for (std::uint64_t at = 0x1ff000; at < 0x5ff000; at += kPageSize) REQUIRE(f.maps(at, MemoryKind::kData));
  CHECK_FALSE(f.walk(0x1fe000));
  CHECK_FALSE(f.walk(0x5ff000));
}

TEST_CASE("aligned ranges are mapped in large blocks") {
  Fixture<8> f;
  REQUIRE(f.tables->map({2 * kMiB, 2 * kMiB}, MemoryKind::kData));
  CHECK(f.walk(3 * kMiB)->level == 2);
}

TEST_CASE("a range of a few bytes maps the pages that it touches") {
  Fixture<8> f;
  REQUIRE(f.tables->map({0x1ffe, 4}, MemoryKind::kDevice));
  CHECK(f.maps(0x1000, MemoryKind::kDevice));
  CHECK(f.maps(0x2000, MemoryKind::kDevice));
  CHECK_FALSE(f.walk(0x3000));
}

TEST_CASE("mapping the same twice changes nothing, mapping otherwise is refused") {
  Fixture<8> f;
  REQUIRE(f.tables->map({0, 4 * kMiB}, MemoryKind::kData));
  CHECK(f.tables->map({0x3000, 2 * kMiB}, MemoryKind::kData));
  CHECK_FALSE(f.tables->map({0x3000, 0x1000}, MemoryKind::kDevice));
  CHECK(f.maps(0x3000, MemoryKind::kData));
}

TEST_CASE("a mapping that starts inside a block goes on right behind it") {
  Fixture<8> f;
  REQUIRE(f.tables->map({0, 2 * kMiB}, MemoryKind::kData));
  REQUIRE(f.tables->map({0x3000, 4 * kMiB}, MemoryKind::kData));
  for (std::uint64_t at = 0; at < 4 * kMiB + 0x3000; at += kPageSize) REQUIRE(f.maps(at, MemoryKind::kData));
}

TEST_CASE("a block around pages that are mapped alike already keeps them") {
  Fixture<8> f;
  REQUIRE(f.tables->map({0x201000, 0x1000}, MemoryKind::kData));
  REQUIRE(f.tables->map({2 * kMiB, 2 * kMiB}, MemoryKind::kData));
  for (std::uint64_t at = 2 * kMiB; at < 4 * kMiB; at += kPageSize) REQUIRE(f.maps(at, MemoryKind::kData));
}

TEST_CASE("when the tables run out the mapping is refused") {
  Fixture<4> f;  // the root and one branch down to pages
  CHECK(f.tables->map({0x1000, 0x1000}, MemoryKind::kData));
  CHECK_FALSE(f.tables->map({UINT64_C(1) << 30, 0x1000}, MemoryKind::kData));
}

TEST_CASE("addresses beyond reach are refused") {
  Fixture<8> f;
  CHECK_FALSE(f.tables->map({UINT64_C(1) << 47, 0x1000}, MemoryKind::kData));
  CHECK_FALSE(f.tables->map(Range::clipped(UINT64_MAX - 5, 100), MemoryKind::kData));
}
