// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Positions in a packed ring (VIRTIO 1.3 §2.8.1): an offset and a wrap counter that flips with every lap, and
// the two flag bits that say whose turn a descriptor is.
#pragma once

#include <hawser/virtio/queue/spec.hpp>

#include <hawser/transport/memory.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio::detail {

inline constexpr std::uint16_t kTurnBits = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;

struct PackedPosition {
  std::uint16_t offset = 0;
  bool wrap = true;

  /// By at most one lap.
  void advance(std::uint16_t slots, std::uint16_t size) {
    std::uint32_t to = std::uint32_t{offset} + slots;
    if (to >= size) {
      to -= size;
      wrap = !wrap;
    }
    offset = static_cast<std::uint16_t>(to);
  }

  /// Flags that make a descriptor here the device's, or the driver's again.
  std::uint16_t available_flags() const { return wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED; }
  std::uint16_t used_flags() const { return wrap ? kTurnBits : 0; }

  bool available(std::uint16_t flags) const { return (flags & kTurnBits) == available_flags(); }
  bool used(std::uint16_t flags) const { return (flags & kTurnBits) == used_flags(); }

  /// As event suppression structures and notifications carry it (§2.8.14).
  std::uint16_t off_wrap() const { return static_cast<std::uint16_t>(offset | (wrap ? 0x8000 : 0)); }

  std::size_t low() const { return std::size_t{offset} * sizeof(pvirtq_desc); }
  std::size_t high() const { return low() + 8; }
};

/// The upper half of a packed descriptor: length, id, flags. Written and read as one word, so it is never
/// seen half done.
inline std::uint64_t packed_word(std::uint32_t bytes, std::uint16_t id, std::uint16_t flags) {
  return bytes | std::uint64_t{id} << 32 | std::uint64_t{flags} << 48;
}

/// Descriptors are written at `at`, one after the other, of which `ours` are left: has the line two further on fetched to be
/// written, since the other side has it. Only a hint.
template <class Area>
void fetch_ahead(const Area& ring, PackedPosition at, std::uint16_t ours, std::uint16_t size) {
  constexpr std::uint16_t kLine = 64 / sizeof(pvirtq_desc), kAhead = 2 * kLine;
  if constexpr (requires { ring.bytes(); }) {
    if (at.offset % kLine != 0 || ours < kAhead + kLine || size % kLine != 0) return;
    at.advance(kAhead, size);
    prefetch_to_write(ring.bytes().subspan(at.low()), 1);
  }
}

/// An event suppression structure as one word.
inline std::uint32_t event_word(std::uint16_t off_wrap, std::uint16_t flags) {
  return off_wrap | std::uint32_t{flags} << 16;
}

}  // namespace hawser::virtio::detail
