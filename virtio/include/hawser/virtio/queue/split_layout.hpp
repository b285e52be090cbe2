// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Places inside the available and used areas of a split virtqueue (VIRTIO 1.3 §2.7.6, §2.7.8).
#pragma once

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

}  // namespace hawser::virtio
