// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The page tables. The first ones are built with the MMU off, and hold just what C++ needs to run with it on.
#include "mmu.hpp"

#include "arch.hpp"
#include "cpu.hpp"
#include "device_tree.hpp"
#include "image.hpp"
#include "page_entries.hpp"
#include "page_tables.hpp"

namespace hawser::guest {
namespace {

constinit PageTables<PageEntries, 48> tables;
constinit Range device_tree_range;

}  // namespace

Range first_device_tree() {
  return device_tree_range;
}

bool arch::map(Range range, MemoryKind kind) {
  const bool mapped = tables.map(range, kind);
  cpu::complete_stores();  // an entry that was invalid needs no invalidation
  return mapped;
}

}  // namespace hawser::guest

/// Maps the image and the device tree; the root table's address, 0 on failure. A device tree is at most 2 MiB
/// (Documentation/arm64/booting.rst); where there is none, aarch64_start says so.
extern "C" std::uint64_t aarch64_build_first_page_tables(std::uint64_t device_tree) {
  using namespace hawser::guest;
  constexpr std::uint32_t kLargestTree = 2u << 20;
  const auto map = [](Range range, MemoryKind kind) { return tables.map(range, kind); };
  if (!image::map_parts(map)) return 0;
  const Range header{device_tree, 40};
  if (device_tree % 8 == 0 && device_tree != 0 && !header.overlaps(image::whole())) {
    const auto size = DeviceTree::stated_size({reinterpret_cast<const std::byte*>(device_tree), header.size});
    const Range tree{device_tree, size && *size <= kLargestTree ? *size : 0};
    if (!tree.empty() && tables.map(tree, MemoryKind::kData)) device_tree_range = tree;
  }
  return tables.root();
}
