// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Places inside the available and used areas of a split virtqueue (VIRTIO 1.3 §2.7.6, §2.7.8).
#pragma once

#include <hawser/transport/order.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio {

struct SplitLayout {
  // Both areas begin alike.
  static constexpr std::size_t kFlags = 0;
  static constexpr std::size_t kIndex = 2;

  static constexpr std::size_t available(std::uint32_t slot) { return 4 + 2 * std::size_t{slot}; }
  static constexpr std::size_t used(std::uint32_t slot) { return 4 + 8 * std::size_t{slot}; }
  static constexpr std::size_t used_event(std::uint16_t size) { return available(size); }
  static constexpr std::size_t avail_event(std::uint16_t size) { return used(size); }
};

namespace detail {

/// Stores a word of a table unless it is there already. Rings repeat themselves (the same descriptors, the
/// same lengths, lap after lap), and a line that nobody writes stays in both sides' caches. The other side
/// may change the word right after we looked; it could as well do so right after a store.
template <SharedWord T, class Area>
void store_if_changed(const Area& area, std::size_t at, T value) {
  if (area.template load<T>(at) != value) area.template store<T>(at, value);
}

}  // namespace detail

}  // namespace hawser::virtio
