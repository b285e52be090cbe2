// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Finding, or making, the directory of a window, and the area of one link in it.
#pragma once

#include <hawser/ivshmem/layout.hpp>

#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>

#include <cstdint>

namespace hawser::ivshmem {

enum class DirectoryError : std::uint8_t {
  kWindowIsTooSmall,  ///< For a directory and that many areas of at least kMinimumAreaBytes.
  kForeignContents,   ///< Neither zeros nor a directory.
  kUnknownVersion,
  kWrongWindowSize,  ///< It describes a window of another size.
  kImpossibleAreas,  ///< Areas that overlap the directory, leave the window, or have no room for data.
  kNoSuchLink,       ///< The link number is not below the area count.
};

const char* describe(DirectoryError error);

struct AreaPlace {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first = 0;  ///< Where area 0 lies.
  std::uint32_t links = 0;
};

/// Where the area of `link` lies. A window whose directory is still zeros is formatted for `links_if_new` links first.
/// What is found is checked against the window's size; nothing else of it is believed.
Result<AreaPlace, DirectoryError> find_area(const RegionMemory& window, std::uint32_t link,
                                            std::uint32_t links_if_new);

/// Writes the directory again as it was when find_area() found `place` by it: somebody may have scribbled over it.
void keep_directory(const RegionMemory& window, const AreaPlace& place);

}  // namespace hawser::ivshmem
