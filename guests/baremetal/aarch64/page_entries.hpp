// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What page table entries look like (Arm ARM, D8.3: 4 KiB granule, stage 1, EL1).
#pragma once

#include "memory_kind.hpp"

#include <cstdint>

namespace hawser::guest {

struct PageEntries {
  static constexpr std::uint64_t kValid = 1 << 0;
  static constexpr std::uint64_t kTableOrPage = 1 << 1;
  static constexpr std::uint64_t kDeviceAttributes = 1 << 2;  // index 1 of MAIR_EL1 (boot.S); Normal is 0
  static constexpr std::uint64_t kReadOnly = 2 << 6;
  static constexpr std::uint64_t kInnerShareable = 3 << 8;
  static constexpr std::uint64_t kAccessed = 1 << 10;
  static constexpr std::uint64_t kNeverExecute = UINT64_C(1) << 53;
  static constexpr std::uint64_t kUserNeverExecute = UINT64_C(1) << 54;
  static constexpr std::uint64_t kAddress = UINT64_C(0x0000fffffffff000);

  static std::uint64_t table(std::uint64_t address) { return address | kValid | kTableOrPage; }

  static std::uint64_t leaf(std::uint64_t address, unsigned level, MemoryKind kind) {
    const std::uint64_t entry =
        address | kValid | (level == 1 ? kTableOrPage : 0) | kAccessed | kInnerShareable | kUserNeverExecute;
    switch (kind) {
      case MemoryKind::kCode:
        return entry | kReadOnly;
      case MemoryKind::kConstants:
        return entry | kReadOnly | kNeverExecute;
      case MemoryKind::kData:
        return entry | kNeverExecute;
      case MemoryKind::kDevice:
        return entry | kNeverExecute | kDeviceAttributes;
    }
    return 0;
  }

  static bool leaf_allowed(unsigned level) { return level <= 3; }
  static bool present(std::uint64_t entry) { return entry & kValid; }
  static bool leads_to_table(std::uint64_t entry, unsigned level) {
    return level > 1 && (entry & kTableOrPage);
  }
  static std::uint64_t address(std::uint64_t entry) { return entry & kAddress; }
  static bool same_mapping(std::uint64_t a, std::uint64_t b) { return a == b; }
};

}  // namespace hawser::guest
