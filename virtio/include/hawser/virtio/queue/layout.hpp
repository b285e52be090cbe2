// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How large a queue's three areas are and how they must be aligned (VIRTIO 1.3 §2.7, §2.8.10.1), and the door
// through which both halves of both formats get them.
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/queue.hpp>
#include <hawser/virtio/queue/spec.hpp>

#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>

#include <bit>
#include <cstdint>

namespace hawser::virtio {

enum class RingFormat : std::uint8_t {
  kSplit,   ///< §2.7
  kPacked,  ///< §2.8, VIRTIO_F_RING_PACKED
};

constexpr RingFormat ring_format(const Features& negotiated) {
  return negotiated.has(VIRTIO_F_RING_PACKED) ? RingFormat::kPacked : RingFormat::kSplit;
}

struct AreaShape {
  std::uint64_t bytes = 0;
  std::uint64_t align = 1;
};

/// The three areas of a queue; names as in QueueLayout.
struct RingShape {
  AreaShape descriptors;
  AreaShape driver;
  AreaShape device;
};

constexpr RingShape ring_bytes(RingFormat format, std::uint16_t size) {
  const std::uint64_t n = size;
  if (format == RingFormat::kPacked) return {{16 * n, 16}, {4, 4}, {4, 4}};
  return {{16 * n, 16}, {6 + 2 * n, 2}, {6 + 8 * n, 4}};  // with used_event and avail_event
}

/// A queue's areas, each checked by the door.
template <Memory M>
struct RingAreas {
  typename M::Area descriptors;
  typename M::Area driver;
  typename M::Area device;
};

template <Memory M>
Result<RingAreas<M>, SetupError> open_ring(const M& memory, const QueueLayout& layout, RingFormat format) {
  if (layout.size == 0) return Err{SetupError::kSizeIsZero};
  if (layout.size > kMaxQueueSize) return Err{SetupError::kSizeIsTooLarge};
  if (format == RingFormat::kSplit && !power_of_two(layout.size)) {
    return Err{SetupError::kSizeIsNotAPowerOfTwo};
  }
  const RingShape shape = ring_bytes(format, layout.size);
  const auto open = [&](Offset at, AreaShape area) { return memory.area(at, area.bytes, area.align); };
  const auto why = [](DoorError error) {
    return error == DoorError::kMisaligned ? SetupError::kAreaIsMisaligned
                                           : SetupError::kAreaIsOutsideTheRegion;
  };
  auto descriptors = open(layout.descriptors, shape.descriptors);
  if (!descriptors.ok()) return Err{why(descriptors.error())};
  auto driver = open(layout.driver, shape.driver);
  if (!driver.ok()) return Err{why(driver.error())};
  auto device = open(layout.device, shape.device);
  if (!device.ok()) return Err{why(device.error())};
  return RingAreas<M>{*descriptors, *driver, *device};
}

}  // namespace hawser::virtio
