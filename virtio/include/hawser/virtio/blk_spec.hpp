// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Names, numbers and layouts of the block device (VIRTIO 1.3 §5.2), for both halves.
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio {

// §5.2.3 Feature bits. Bit numbers, not masks.
inline constexpr unsigned VIRTIO_BLK_F_SIZE_MAX = 1;
inline constexpr unsigned VIRTIO_BLK_F_SEG_MAX = 2;
inline constexpr unsigned VIRTIO_BLK_F_GEOMETRY = 4;
inline constexpr unsigned VIRTIO_BLK_F_RO = 5;
inline constexpr unsigned VIRTIO_BLK_F_BLK_SIZE = 6;
inline constexpr unsigned VIRTIO_BLK_F_FLUSH = 9;
inline constexpr unsigned VIRTIO_BLK_F_TOPOLOGY = 10;
inline constexpr unsigned VIRTIO_BLK_F_CONFIG_WCE = 11;
inline constexpr unsigned VIRTIO_BLK_F_MQ = 12;
inline constexpr unsigned VIRTIO_BLK_F_DISCARD = 13;
inline constexpr unsigned VIRTIO_BLK_F_WRITE_ZEROES = 14;

// §5.2.6 Request types.
inline constexpr std::uint32_t VIRTIO_BLK_T_IN = 0;
inline constexpr std::uint32_t VIRTIO_BLK_T_OUT = 1;
inline constexpr std::uint32_t VIRTIO_BLK_T_FLUSH = 4;
inline constexpr std::uint32_t VIRTIO_BLK_T_GET_ID = 8;
inline constexpr std::uint32_t VIRTIO_BLK_T_DISCARD = 11;
inline constexpr std::uint32_t VIRTIO_BLK_T_WRITE_ZEROES = 13;

// §5.2.6 The status byte.
inline constexpr std::uint8_t VIRTIO_BLK_S_OK = 0;
inline constexpr std::uint8_t VIRTIO_BLK_S_IOERR = 1;
inline constexpr std::uint8_t VIRTIO_BLK_S_UNSUPP = 2;

/// §5.2.6 struct virtio_blk_discard_write_zeroes, flags.
inline constexpr std::uint32_t VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP = 1;

/// §5.2.6: the answer to GET_ID; shorter ids are padded with zeros.
inline constexpr std::size_t VIRTIO_BLK_ID_BYTES = 20;

/// All sectors of the wire are of this size, whatever blk_size says (§5.2.4).
inline constexpr std::uint32_t kSectorBytes = 512;

/// §5.2.4 Device configuration layout, up to what Hawser speaks.
struct virtio_blk_config {
  le64 capacity;  ///< In sectors.
  le32 size_max;
  le32 seg_max;
  le16 cylinders;
  std::uint8_t heads;
  std::uint8_t sectors;
  le32 blk_size;
  std::uint8_t physical_block_exp;
  std::uint8_t alignment_offset;
  le16 min_io_size;
  le32 opt_io_size;
  std::uint8_t writeback;
  std::uint8_t unused0;
  le16 num_queues;
  le32 max_discard_sectors;
  le32 max_discard_seg;
  le32 discard_sector_alignment;
  le32 max_write_zeroes_sectors;
  le32 max_write_zeroes_seg;
  std::uint8_t write_zeroes_may_unmap;
  std::uint8_t unused1[3];
  le32 reserved;  ///< max_secure_erase_sectors, never offered; keeps the size a multiple of 8.
};
static_assert(sizeof(virtio_blk_config) == 64);
static_assert(offsetof(virtio_blk_config, blk_size) == 20);
static_assert(offsetof(virtio_blk_config, writeback) == 32);
static_assert(offsetof(virtio_blk_config, num_queues) == 34);
static_assert(offsetof(virtio_blk_config, max_discard_sectors) == 36);
static_assert(offsetof(virtio_blk_config, write_zeroes_may_unmap) == 56);

/// §5.2.6 What every request begins with.
struct virtio_blk_req_header {
  le32 type;
  le32 reserved;
  le64 sector;
};
static_assert(sizeof(virtio_blk_req_header) == 16);

/// §5.2.6 One range of a discard or write-zeroes request.
struct virtio_blk_discard_write_zeroes {
  le64 sector;
  le32 num_sectors;
  le32 flags;
};
static_assert(sizeof(virtio_blk_discard_write_zeroes) == 16);

}  // namespace hawser::virtio
