// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Sizes and counts as people type them: "16M", "8". Total: every string is a number or an Error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hawser::ivshmem {

inline constexpr std::uint64_t kMinMemorySize = 4096;        ///< QEMU refuses less.
inline constexpr std::uint64_t kMaxMemorySize = 1ull << 62;  ///< The largest power of two an off_t can hold.
inline constexpr std::uint32_t kMaxVectors = 2048;           ///< PCI 3.0 §6.8.2: MSI-X table size.
inline constexpr std::uint32_t kMaxPeers = 65536;            ///< Ids are 16 bits wide.

/// "4096", "64K", "16M", "1G", "2T" (binary units, either case, an optional "iB" or "B").
/// @throws Error naming `text` when it is anything else or does not fit in 64 bits.
std::uint64_t parse_size(std::string_view text);

/// parse_size() plus check_memory_size().
std::uint64_t parse_memory_size(std::string_view text);

/// The size of a shared object: a power of two, at least 4 KiB (QEMU aborts on anything else).
/// @throws Error that proposes the nearest sizes.
void check_memory_size(std::uint64_t size);

/// @throws Error unless 1 ≤ vectors ≤ 2048.
void check_vectors(std::uint64_t vectors);

/// @throws Error unless 1 ≤ peers ≤ 65536.
void check_max_peers(std::uint64_t peers);

/// "16M" rather than "16777216"; the largest unit that divides.
std::string format_size(std::uint64_t size);

}  // namespace hawser::ivshmem
