// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One wording for memory faults on both architectures.
#pragma once

#include "image.hpp"

#include <cstdint>
#include <string_view>

namespace hawser::guest {

enum class Access : std::uint8_t {
  kRead,
  kWrite,
  kExecute,
};

inline std::string_view describe_memory_fault(Access access, bool mapped, std::uint64_t address) {
  if (image::stack_guard().contains({address, 1})) return "stack overflow";
  switch (access) {
    case Access::kRead:
      return mapped ? "forbidden read" : "read of unmapped memory";
    case Access::kWrite:
      return mapped ? "write to read-only memory" : "write to unmapped memory";
    case Access::kExecute:
      return mapped ? "execution of memory that is not code" : "execution of unmapped memory";
  }
  return "memory fault";
}

}  // namespace hawser::guest
