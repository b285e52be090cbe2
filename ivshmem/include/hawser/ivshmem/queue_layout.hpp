// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// From an area's control bytes to lanes and notification words, for both AMP message queue layouts. The device end
// chooses and describes; the driver end checks what it is told.
#pragma once

#include <hawser/ivshmem/lane.hpp>
#include <hawser/ivshmem/layout.hpp>
#include <hawser/ivshmem/notification.hpp>

#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>

#include <cstdint>

namespace hawser::ivshmem {

enum class LayoutError : std::uint8_t {
  kUnknownKind,  ///< The device end names a queue layout that we do not speak.
  kNoHeader,     ///< Layout B's magic or version is missing.
  kElementsImpossible,  ///< Fewer than 2 elements, more than 4096, or a size outside 52..4096 or not a multiple of 4.
  kOutsideTheArea,  ///< A described structure leaves the area's control bytes, or is misaligned.
};

const char* describe(LayoutError error);

/// Both directions, seen from one end.
struct QueuePlaces {
  LanePlace send;
  LanePlace receive;
  NotificationPlace own_words;
  NotificationPlace peer_words;
};

/// Device end: writes layout B's header (for kSelfDescribing; clears it for kPlain). `control` is the area's first
/// kDataOffset bytes.
void describe_queues(const RegionMemory& control, QueueKind kind);

/// Either end: finds the queues as the header (or the plain layout) has them, checking every number.
Result<QueuePlaces, LayoutError> find_queues(const RegionMemory& control, Role own, QueueKind kind);

/// Layout B: sets the status word of the own queue head, for peers that look at it. Nothing in layout A.
void set_queue_status(const RegionMemory& control, Role own, QueueKind kind, QueueStatus status);

}  // namespace hawser::ivshmem
