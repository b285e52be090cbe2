// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Four-level page tables of 4 KiB granules: the shape that aarch64 and x86_64 share. What an entry looks like is the
// architecture's (page_entries.hpp); where it goes is decided here. Every mapping is an identity.
#pragma once

#include "memory_kind.hpp"
#include "range.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace hawser::guest {

/// Entries provides
///   static std::uint64_t table(std::uint64_t address)                       an entry that leads to a table
///   static std::uint64_t leaf(std::uint64_t address, unsigned level, MemoryKind)
///   static bool leaf_allowed(unsigned level)                                level 1: 4 KiB, 2: 2 MiB, 3: 1 GiB
///   static bool present(std::uint64_t entry), leads_to_table(entry, level), same_mapping(entry, entry)
///   static std::uint64_t address(std::uint64_t entry)
template <class Entries, std::size_t kTables>
class PageTables {
 public:
  static constexpr unsigned kRootLevel = 4;
  static constexpr std::uint64_t kReach = UINT64_C(1) << 47;

  constexpr PageTables() = default;

  std::uint64_t root() const { return reinterpret_cast<std::uint64_t>(&tables_[0]); }

  /// Maps the pages that `range` touches. False, perhaps with a part mapped, when a page is already mapped as
  /// something else, lies beyond reach, or the tables have run out. Mapping a page twice alike is no error.
  bool map(Range range, MemoryKind kind) {
    const Range pages = range.pages();
    if (pages.end() > kReach) return false;
    std::uint64_t at = pages.base;
    while (at < pages.end()) {
      const std::uint64_t step = map_one(at, pages.end() - at, kind);
      if (step == 0) return false;
      at += step;
    }
    return true;
  }

 private:
  static constexpr std::size_t kEntriesPerTable = 512;
  struct alignas(kPageSize) Table {
    std::array<std::uint64_t, kEntriesPerTable> entries{};
  };

  static constexpr unsigned shift(unsigned level) { return 12 + 9 * (level - 1); }

  // Maps the largest block that fits at `at`; returns its size, 0 on failure.
  std::uint64_t map_one(std::uint64_t at, std::uint64_t left, MemoryKind kind) {
    Table* table = &tables_[0];
    for (unsigned level = kRootLevel; level >= 1; --level) {
      std::uint64_t& entry = table->entries[(at >> shift(level)) % kEntriesPerTable];
      const std::uint64_t block = UINT64_C(1) << shift(level);
      if (Entries::present(entry) && !Entries::leads_to_table(entry, level)) {
        const std::uint64_t same = Entries::leaf(align_down(at, block), level, kind);
        return Entries::same_mapping(entry, same) ? block - at % block : 0;
      }
      if (!Entries::present(entry)) {
        if (Entries::leaf_allowed(level) && at % block == 0 && left >= block) {
          entry = Entries::leaf(at, level, kind);
          return block;
        }
        if (branches_ == kTables - 1) return 0;
        entry = Entries::table(reinterpret_cast<std::uint64_t>(&tables_[++branches_]));
      }
      table = reinterpret_cast<Table*>(Entries::address(entry));
    }
    return 0;
  }

  std::array<Table, kTables> tables_{};
  std::size_t branches_ = 0;  // tables in use besides the root; all zeroes, so that this lies in .bss
};

}  // namespace hawser::guest
