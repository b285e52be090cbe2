// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// When the other side wants to be told (VIRTIO 1.3 §2.7.10, §2.8.10): one comparison, used by all four
// halves.
#pragma once

#include <cstdint>

namespace hawser::virtio {

/// Whether moving an index from `before` to `now` stepped past `event`: the other side asked to be told when
/// the entry at index `event` is there. All three count modulo 2^16; any number of entries may be in the
/// step.
constexpr bool need_event(std::uint16_t event, std::uint16_t now, std::uint16_t before) {
  // Distances from `now` backwards, which is why the wrap does not matter. The casts undo the promotion to
  // int.
  return static_cast<std::uint16_t>(now - event - 1) < static_cast<std::uint16_t>(now - before);
}

/// The same for a packed ring of `size`, whose indices are (offset, wrap counter) pairs (§2.8.14): `now` and
/// `wrap` are where the next descriptor goes, `step` how many descriptors have just been passed.
/// The event is laid on the number line on which `now` is, at most one lap behind.
constexpr bool need_packed_event(std::uint16_t off_wrap, std::uint16_t now, bool wrap, std::uint16_t step,
                                 std::uint16_t size) {
  std::uint16_t event = off_wrap & 0x7fff;
  if (((off_wrap >> 15) != 0) != wrap) event = static_cast<std::uint16_t>(event - size);
  return need_event(event, now, static_cast<std::uint16_t>(now - step));
}

}  // namespace hawser::virtio
