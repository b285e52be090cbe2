// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Names, numbers and places of the two ring formats (VIRTIO 1.3 §2.7, §2.8). Rings are accessed as words
// through a memory's area, so what is here are offsets and bits; the structs state the same layout for the
// compiler.
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio {

/// Most descriptors of any queue (§2.7: 2^15; §2.8.10.1 the same).
inline constexpr std::uint16_t kMaxQueueSize = 32768;

// §2.7.5, §2.8.6: descriptor flags of both formats.
inline constexpr std::uint16_t VIRTQ_DESC_F_NEXT = 1;
inline constexpr std::uint16_t VIRTQ_DESC_F_WRITE = 2;
inline constexpr std::uint16_t VIRTQ_DESC_F_INDIRECT = 4;
// §2.8.1: packed only.
inline constexpr std::uint16_t VIRTQ_DESC_F_AVAIL = 1 << 7;
inline constexpr std::uint16_t VIRTQ_DESC_F_USED = 1 << 15;

// §2.7.6, §2.7.8: split, without VIRTIO_F_EVENT_IDX.
inline constexpr std::uint16_t VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
inline constexpr std::uint16_t VIRTQ_USED_F_NO_NOTIFY = 1;

// §2.8.10: packed event suppression.
inline constexpr std::uint16_t RING_EVENT_FLAGS_ENABLE = 0;
inline constexpr std::uint16_t RING_EVENT_FLAGS_DISABLE = 1;
inline constexpr std::uint16_t RING_EVENT_FLAGS_DESC = 2;

/// §2.7.5 struct virtq_desc.
struct virtq_desc {
  le64 addr;
  le32 len;
  le16 flags;
  le16 next;
};
static_assert(sizeof(virtq_desc) == 16 && offsetof(virtq_desc, len) == 8 &&
              offsetof(virtq_desc, flags) == 12 && offsetof(virtq_desc, next) == 14);

/// §2.8.13 struct pvirtq_desc.
struct pvirtq_desc {
  le64 addr;
  le32 len;
  le16 id;
  le16 flags;
};
static_assert(sizeof(pvirtq_desc) == 16 && offsetof(pvirtq_desc, len) == 8 &&
              offsetof(pvirtq_desc, id) == 12 && offsetof(pvirtq_desc, flags) == 14);

/// §2.7.8 struct virtq_used_elem.
struct virtq_used_elem {
  le32 id;
  le32 len;
};
static_assert(sizeof(virtq_used_elem) == 8 && offsetof(virtq_used_elem, len) == 4);

/// §2.8.14 struct pvirtq_event_suppress.
struct pvirtq_event_suppress {
  le16 off_wrap;  ///< Descriptor offset in bits 0 to 14, wrap counter in bit 15.
  le16 flags;
};
static_assert(sizeof(pvirtq_event_suppress) == 4 && offsetof(pvirtq_event_suppress, flags) == 2);

}  // namespace hawser::virtio
