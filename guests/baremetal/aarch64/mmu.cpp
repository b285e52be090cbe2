// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The page tables. The first ones are built with the MMU off, and hold just what C++ needs to run with it on.
#include "mmu.hpp"

#include "arch.hpp"
#include "cpu.hpp"
#include "image.hpp"
#include "page_entries.hpp"
#include "page_tables.hpp"

namespace hawser::guest {
namespace {

constinit PageTables<PageEntries, 48> tables;
constinit Range header;

}  // namespace

Range device_tree_header() {
  return header;
}

bool arch::map(Range range, MemoryKind kind) {
  const bool mapped = tables.map(range, kind);
  cpu::complete_stores();  // an entry that was invalid needs no invalidation
  return mapped;
}

}  // namespace hawser::guest

/// Maps the image and the header of the device tree, which is read when the caches are on; the root table's address, 0 on
/// failure. Where there is no device tree, aarch64_start says so.
extern "C" std::uint64_t aarch64_build_first_page_tables(std::uint64_t device_tree) {
  using namespace hawser::guest;
  constexpr std::uint64_t kHeaderSize = 40;
  const auto map = [](Range range, MemoryKind kind) { return tables.map(range, kind); };
  if (!image::map_parts(map)) return 0;
  const auto wanted = Range::clipped(device_tree, kHeaderSize);
  const bool possible = device_tree % 8 == 0 && device_tree != 0 && !wanted.overlaps(image::whole());
  if (possible && tables.map(wanted, MemoryKind::kData)) header = wanted;
  return tables.root();
}
