// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a piece of address space holds, and so how the processor may touch it.
#pragma once

#include <cstdint>

namespace hawser::guest {

enum class MemoryKind : std::uint8_t {
  kCode,       ///< Read and execute.
  kConstants,  ///< Read only.
  kData,       ///< Read and write, write-back cached: RAM, and memory shared with a peer.
  kDevice,     ///< Read and write, uncached and unmerged, in program order: registers.
};

}  // namespace hawser::guest
