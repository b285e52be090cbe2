// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The bytes of a Hawser window under their C++ names. What they are is in wire.h, which C reads as well.
#pragma once

#include <hawser/ivshmem/wire.h>

#include <cstddef>
#include <cstdint>

namespace hawser::ivshmem {

inline constexpr std::uint64_t kDirectoryBytes = HAWSER_DIRECTORY_BYTES;
inline constexpr std::uint64_t kSectionBytes = HAWSER_SECTION_BYTES;
inline constexpr std::uint64_t kDataOffset = HAWSER_DATA_OFFSET;
inline constexpr std::uint64_t kMinimumDataBytes = HAWSER_MINIMUM_DATA_BYTES;
inline constexpr std::uint64_t kMinimumAreaBytes = kDataOffset + kMinimumDataBytes;
inline constexpr std::uint64_t kElementsOffset = HAWSER_ELEMENTS_OFFSET;
inline constexpr std::uint64_t kElementsBytes = kSectionBytes - kElementsOffset;
static_assert(kDataOffset == 2 * kSectionBytes);

inline constexpr std::uint64_t kDirectoryMagic = HAWSER_DIRECTORY_MAGIC;
inline constexpr std::uint32_t kDirectoryVersion = HAWSER_DIRECTORY_VERSION;
using Directory = hawser_directory;

inline constexpr std::size_t kEndBlockOffset = HAWSER_END_BLOCK_OFFSET;
inline constexpr std::uint32_t kEndMagic = HAWSER_END_MAGIC;
inline constexpr std::uint16_t kEndVersion = HAWSER_END_VERSION;
using EndBlock = hawser_end_block;
static_assert(kEndBlockOffset + sizeof(EndBlock) <= HAWSER_NOTIFICATION_OFFSET);

enum class Role : std::uint16_t {
  kDriver = HAWSER_ROLE_DRIVER,
  kDevice = HAWSER_ROLE_DEVICE
};

/// Which message queue layout the device end has chosen (reference: the two AMP layouts).
enum class QueueKind : std::uint16_t {
  kPlain = HAWSER_QUEUE_PLAIN,                    ///< "Layout A"
  kSelfDescribing = HAWSER_QUEUE_SELF_DESCRIBING  ///< "Layout B"
};

inline constexpr std::size_t kNotificationOffset = HAWSER_NOTIFICATION_OFFSET;
using NotificationWords = hawser_notification_words;

inline constexpr std::size_t kQueueHeadOffset = HAWSER_QUEUE_HEAD_OFFSET;
inline constexpr std::uint16_t kQueueHeadMagic = HAWSER_QUEUE_HEAD_MAGIC;
using QueueHead = hawser_queue_head;

enum class QueueStatus : std::uint16_t {
  kInit = HAWSER_QUEUE_INIT,
  kReady = HAWSER_QUEUE_READY,
  kRun = HAWSER_QUEUE_RUN,
  kShutdown = HAWSER_QUEUE_SHUTDOWN,
  kPeerDead = HAWSER_QUEUE_PEER_DEAD
};

inline constexpr std::uint16_t kLayoutMagic = HAWSER_LAYOUT_MAGIC;
using LayoutHeader = hawser_layout_header;

inline constexpr std::size_t kElementBytes = HAWSER_ELEMENT_BYTES;
inline constexpr unsigned kMarksPerDevice = HAWSER_MARKS_PER_DEVICE;

}  // namespace hawser::ivshmem
