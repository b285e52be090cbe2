// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Where the linker put the image's parts (link.ld), as ranges.
#pragma once

#include "memory_kind.hpp"
#include "range.hpp"

extern "C" {
extern char image_start[], constants_start[], data_start[], data_end[], stack_start[], stack_end[],
    fault_stack_start[], fault_stack_end[], image_end[];
}

namespace hawser::guest::image {

inline std::uint64_t at(const char* symbol) {
  return reinterpret_cast<std::uint64_t>(symbol);
}

inline Range whole() {
  return Range::between(at(image_start), at(image_end));
}
inline Range stack_guard() {
  return Range::between(at(data_end), at(stack_start));
}
inline std::uint64_t fault_stack_top() {
  return at(fault_stack_end);
}

/// Calls map(Range, MemoryKind) for each part; the guards between stacks stay unmapped.
template <class Map>
bool map_parts(Map map) {
  return map(Range::between(at(image_start), at(constants_start)), MemoryKind::kCode) &&
         map(Range::between(at(constants_start), at(data_start)), MemoryKind::kConstants) &&
         map(Range::between(at(data_start), at(data_end)), MemoryKind::kData) &&
         map(Range::between(at(stack_start), at(stack_end)), MemoryKind::kData) &&
         map(Range::between(at(fault_stack_start), at(fault_stack_end)), MemoryKind::kData);
}

}  // namespace hawser::guest::image
