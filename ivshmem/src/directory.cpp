// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/directory.hpp>

namespace hawser::ivshmem {
namespace {

Directory described(std::uint64_t window_bytes, std::uint32_t areas, std::uint64_t first,
                    std::uint64_t each) {
  return {.magic = kDirectoryMagic,
          .version = kDirectoryVersion,
          .directory_bytes = kDirectoryBytes,
          .window_bytes = window_bytes,
          .area_count = areas,
          .reserved = 0,
          .area_offset = first,
          .area_bytes = each};
}

Result<Directory, DirectoryError> plan(std::uint64_t window_bytes, std::uint32_t areas) {
  if (areas == 0 || window_bytes < kDirectoryBytes) return Err{DirectoryError::kWindowIsTooSmall};
  const std::uint64_t each = (window_bytes - kDirectoryBytes) / areas / 4096 * 4096;
  if (each < kMinimumAreaBytes) return Err{DirectoryError::kWindowIsTooSmall};
  return described(window_bytes, areas, kDirectoryBytes, each);
}

template <class A>
void write_directory(const A& area, const Directory& directory) {
  area.template store<std::uint32_t>(offsetof(Directory, version), directory.version);
  area.template store<std::uint32_t>(offsetof(Directory, directory_bytes), directory.directory_bytes);
  area.template store<std::uint64_t>(offsetof(Directory, window_bytes), directory.window_bytes);
  area.template store<std::uint32_t>(offsetof(Directory, area_count), directory.area_count);
  area.template store<std::uint64_t>(offsetof(Directory, area_offset), directory.area_offset);
  area.template store<std::uint64_t>(offsetof(Directory, area_bytes), directory.area_bytes);
  // Partner: the observe in find_area, by whoever attaches next.
  area.template publish<std::uint64_t>(offsetof(Directory, magic), directory.magic);
}

}  // namespace

Result<AreaPlace, DirectoryError> find_area(const RegionMemory& window, std::uint32_t link,
                                            std::uint32_t links_if_new) {
  auto door = window.area(Offset(0), sizeof(Directory), alignof(Directory));
  if (!door) return Err{DirectoryError::kWindowIsTooSmall};
  const RegionMemory::Area& area = *door;

  std::uint64_t magic = area.observe<std::uint64_t>(offsetof(Directory, magic));
  if (magic == 0) {
    HAWSER_TRY(planned, plan(window.size(), links_if_new));
    write_directory(area, planned);
    magic = kDirectoryMagic;
  }
  if (magic != kDirectoryMagic) return Err{DirectoryError::kForeignContents};
  if (area.load<std::uint32_t>(offsetof(Directory, version)) != kDirectoryVersion) {
    return Err{DirectoryError::kUnknownVersion};
  }
  if (area.load<std::uint64_t>(offsetof(Directory, window_bytes)) != window.size()) {
    return Err{DirectoryError::kWrongWindowSize};
  }
  const std::uint64_t count = area.load<std::uint32_t>(offsetof(Directory, area_count));
  const std::uint64_t first = area.load<std::uint64_t>(offsetof(Directory, area_offset));
  const std::uint64_t each = area.load<std::uint64_t>(offsetof(Directory, area_bytes));
  const bool possible = count != 0 && first >= kDirectoryBytes && first <= window.size() &&
                        first % 4096 == 0 && each >= kMinimumAreaBytes && each % 4096 == 0 &&
                        (window.size() - first) / each >= count;
  if (!possible) return Err{DirectoryError::kImpossibleAreas};
  if (link >= count) return Err{DirectoryError::kNoSuchLink};
  return AreaPlace{first + link * each, each, first, static_cast<std::uint32_t>(count)};
}

void keep_directory(const RegionMemory& window, const AreaPlace& place) {
  auto door = window.area(Offset(0), sizeof(Directory), alignof(Directory));
  if (!door) return;
  write_directory(*door, described(window.size(), place.links, place.first, place.bytes));
}

const char* describe(DirectoryError error) {
  switch (error) {
    case DirectoryError::kWindowIsTooSmall:
      return "the shared window is too small for that many links: a link takes at least 80 KiB";
    case DirectoryError::kForeignContents:
      return "the shared window holds something that is not a Hawser directory";
    case DirectoryError::kUnknownVersion:
      return "the directory of the shared window has a version other than 1";
    case DirectoryError::kWrongWindowSize:
      return "the directory of the shared window describes a window of another size";
    case DirectoryError::kImpossibleAreas:
      return "the directory of the shared window describes areas that do not fit it";
    case DirectoryError::kNoSuchLink:
      return "the shared window was formatted for fewer links than the link number asked for";
  }
  return "unknown directory error";
}

}  // namespace hawser::ivshmem
