// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The bytes of a Hawser window: a directory page, then one area per link. docs/wire/ivshmem-region.md is the prose.
//
//   window   [directory 4 KiB][area 0][area 1]...
//   area     [device section 8 KiB][driver section 8 KiB][data]
//   section  [0x000 layout header (device only)][0x040 end block][0x080 notification words][0x0c0 queue head]
//            [0x1000 queue elements]
//
// A section is written by its owner alone (layout A's consumer index excepted: that layout puts it in the
// producer's page). Data belongs to the driver, as everything in a virtqueue does.
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::ivshmem {

inline constexpr std::uint64_t kDirectoryBytes = 4096;
inline constexpr std::uint64_t kSectionBytes = 8192;
inline constexpr std::uint64_t kDataOffset = 2 * kSectionBytes;  ///< In an area.
inline constexpr std::uint64_t kMinimumDataBytes = 64 * 1024;
inline constexpr std::uint64_t kMinimumAreaBytes = kDataOffset + kMinimumDataBytes;
inline constexpr std::uint64_t kElementsOffset = 4096;  ///< In a section, either queue layout.
inline constexpr std::uint64_t kElementsBytes = kSectionBytes - kElementsOffset;

inline constexpr std::uint64_t kDirectoryMagic = 0x5649524553574148;  // "HAWSERIV" in memory order
inline constexpr std::uint32_t kDirectoryVersion = 1;

/// At the start of the window. A pure function of window size and link count, so whoever finds zeros there
/// writes it, and two who do it at once write the same.
struct Directory {
  le64 magic;
  le32 version;
  le32 directory_bytes;
  le64 window_bytes;
  le32 area_count;
  le32 reserved;
  le64 area_offset;
  le64 area_bytes;
};
static_assert(sizeof(Directory) == 48 && offsetof(Directory, area_count) == 24);
static_assert(offsetof(Directory, area_offset) == 32 && offsetof(Directory, area_bytes) == 40);

inline constexpr std::size_t kEndBlockOffset = 0x40;    ///< In a section.
inline constexpr std::uint32_t kEndMagic = 0x444e4548;  // "HEND" in memory order
inline constexpr std::uint16_t kEndVersion = 1;

enum class Role : std::uint16_t {
  kDriver = 1,
  kDevice = 2
};

/// Which message queue layout the device end has chosen (reference: the two AMP layouts).
enum class QueueKind : std::uint16_t {
  kPlain = 1,           ///< "Layout A": head and tail and slots in one page per direction.
  kSelfDescribing = 2,  ///< "Layout B": a header says where everything is.
};

/// One end of a link, written by that end alone.
struct EndBlock {
  le32 magic;
  le16 version;
  le16 role;
  le32 peer_id;     ///< IVPosition of the owner: whom to ring.
  le16 vectors;     ///< How many vectors may be rung there.
  le16 queue_kind;  ///< Device end only: QueueKind.
  le64
      agreement;  ///< High half: this end's epoch, 0 = not here. Low half: the peer's epoch it has made room for.
  le32 heartbeat;  ///< Changes at least every kPollInterval while alive.
  le32 reserved;
  std::uint8_t name[32];  ///< UTF-8, zero-padded; for people.
};
static_assert(sizeof(EndBlock) == 64 && offsetof(EndBlock, agreement) == 16 &&
              offsetof(EndBlock, heartbeat) == 24);
static_assert(kEndBlockOffset + sizeof(EndBlock) <= 0x80);

inline constexpr std::size_t kNotificationOffset = 0x80;  ///< In a section.

/// Layout B's notification words, one of each: pending = the peer's tx ^ our rx.
struct NotificationWords {
  le64 tx;    ///< A bit is toggled to ring its mark, if it is not pending already.
  le64 rx;    ///< Catches up with the peer's tx as marks are taken.
  le64 mask;  ///< A set bit: the owner is looking anyway, no doorbell needed.
};
static_assert(sizeof(NotificationWords) == 24);

inline constexpr std::size_t kQueueHeadOffset = 0xc0;  ///< In a section.
inline constexpr std::uint16_t kQueueHeadMagic = 0x514f;

/// Layout B's queue head. Each end writes only its own: tail is its producer index, head its consumer index
/// of the *peer's* queue.
struct QueueHead {
  le16 magic;
  le16 status;
  le16 tail;
  le16 head;
};
static_assert(sizeof(QueueHead) == 8);

enum class QueueStatus : std::uint16_t {
  kInit = 0,
  kReady = 1,
  kRun = 2,
  kShutdown = 3,
  kPeerDead = 4
};

inline constexpr std::uint16_t kLayoutMagic = 0x4c4f;

/// Layout B's header, at the start of the area, written by the device end, magic last.
struct LayoutHeader {
  le16 magic;
  le16 length;
  le16 version;
  le16 features;  ///< Bit 0: masked notifications.
  std::uint8_t notification_words;
  std::uint8_t marks_per_device;
  le16 queue_elements;
  le16 element_bytes;
  le16 reserved;
  le64 device_notification_offset;
  le64 device_queue_head_offset;
  le64 device_elements_offset;
  le64 driver_notification_offset;
  le64 driver_queue_head_offset;
  le64 driver_elements_offset;
};
static_assert(sizeof(LayoutHeader) == 64 && offsetof(LayoutHeader, device_notification_offset) == 16);
static_assert(offsetof(LayoutHeader, driver_elements_offset) == 56);

inline constexpr std::size_t kElementBytes = 64;  ///< Of both layouts: one message each.
inline constexpr unsigned kMarksPerDevice = 8;

}  // namespace hawser::ivshmem
