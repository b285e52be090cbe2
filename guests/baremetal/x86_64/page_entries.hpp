// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What page table entries look like (Intel SDM vol. 3, 4.5).
#pragma once

#include "memory_kind.hpp"

#include <cstdint>

namespace hawser::guest {

struct PageEntries {
  static constexpr std::uint64_t kPresent = 1 << 0;
  static constexpr std::uint64_t kWritable = 1 << 1;
  static constexpr std::uint64_t kWriteThrough = 1 << 3;
  static constexpr std::uint64_t kCacheDisable = 1 << 4;
  static constexpr std::uint64_t kAccessed = 1 << 5;
  static constexpr std::uint64_t kDirty = 1 << 6;
  static constexpr std::uint64_t kLarge = 1 << 7;
  static constexpr std::uint64_t kNoExecute = UINT64_C(1) << 63;
  static constexpr std::uint64_t kAddress = UINT64_C(0x000ffffffffff000);

  static std::uint64_t table(std::uint64_t address) { return address | kPresent | kWritable; }

  static std::uint64_t leaf(std::uint64_t address, unsigned level, MemoryKind kind) {
    const std::uint64_t entry = address | kPresent | (level > 1 ? kLarge : 0);
    switch (kind) {
      case MemoryKind::kCode:
        return entry;
      case MemoryKind::kConstants:
        return entry | kNoExecute;
      case MemoryKind::kData:
        return entry | kNoExecute | kWritable;
      case MemoryKind::kDevice:
        return entry | kNoExecute | kWritable | kCacheDisable | kWriteThrough;
    }
    return 0;
  }

  static bool leaf_allowed(unsigned level) { return level == 1 || level == 2; }
  static bool present(std::uint64_t entry) { return entry & kPresent; }
  static bool leads_to_table(std::uint64_t entry, unsigned level) { return level > 1 && !(entry & kLarge); }
  static std::uint64_t address(std::uint64_t entry) { return entry & kAddress; }

  /// The processor notes its accesses in two bits.
  static bool same_mapping(std::uint64_t a, std::uint64_t b) {
    return ((a ^ b) & ~(kAccessed | kDirty)) == 0;
  }
};

}  // namespace hawser::guest
