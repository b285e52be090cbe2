// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a block device says of itself (VIRTIO 1.3 §5.2.4), and its write cache (§5.2.5.2, §5.2.6.2).
#pragma once

#include <hawser/virtio/blk_spec.hpp>
#include <hawser/virtio/device/blk_request.hpp>
#include <hawser/virtio/features.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::virtio::device {

struct BlkOptions {
  std::string_view id = "hawser";    ///< At most VIRTIO_BLK_ID_BYTES of it are told. Outlives the device.
  std::uint16_t queue_size = 128;    ///< The most descriptors of a queue.
  std::uint32_t size_max = 1 << 18;  ///< Bytes of one data segment.
  std::uint32_t block_bytes = kSectorBytes;
  std::uint8_t physical_block_exp = 0;  ///< log2 of the blocks in a physical block.
  std::uint16_t min_io_blocks = 0;      ///< 0: nothing to suggest.
  std::uint32_t optimal_io_blocks = 0;
  std::uint32_t max_discard_sectors = 1 << 22;
  std::uint32_t discard_alignment_sectors = 1;
  std::uint32_t max_write_zeroes_sectors = 1 << 16;
  /// Offer VIRTIO_F_IN_ORDER: cheaper with a backend that is over at once, but one slow request holds up all behind it.
  bool in_order = false;
  /// Offer a cache that the driver may use and has to flush. Without, what is written is durable when it completes:
  /// for a device that may lose its memory while its driver lives on, to whom a later flush would say nothing of it.
  bool write_cache = true;
};

/// Whether completed writes may still be volatile. Three rules, all of §5.2.6.2: without FLUSH there is nothing to make
/// a write durable later, so it must be durable when it completes; with CONFIG_WCE the driver's byte decides; with
/// FLUSH alone the cache is write-back.
class WriteCache {
 public:
  void start(Features negotiated) {
    flush_ = negotiated.has(VIRTIO_BLK_F_FLUSH);
    configurable_ = negotiated.has(VIRTIO_BLK_F_CONFIG_WCE);
    started_ = true;
  }
  void stop() { *this = WriteCache(); }

  /// The driver writes the byte; it may do so between FEATURES_OK and DRIVER_OK.
  bool choose(std::uint8_t value) {
    if (value > 1 || (started_ && !configurable_)) return false;
    chosen_ = value != 0;
    return true;
  }

  bool write_back() const {
    if (!started_) return chosen_.value_or(true);
    return configurable_ ? chosen_.value_or(flush_) : flush_;
  }

 private:
  std::optional<bool> chosen_;
  bool started_ = false;
  bool flush_ = false;
  bool configurable_ = false;
};

struct BlkShape {
  std::uint64_t capacity = 0;
  std::uint32_t seg_max = 0;
  std::uint16_t queues = 0;
  bool can_unmap = false;
  bool write_back = true;
};

inline virtio_blk_config blk_config(const BlkOptions& options, const BlkShape& shape) {
  virtio_blk_config config{};
  config.capacity = shape.capacity;
  config.size_max = options.size_max;
  config.seg_max = shape.seg_max;
  config.blk_size = options.block_bytes;
  config.physical_block_exp = options.physical_block_exp;
  config.min_io_size = options.min_io_blocks;
  config.opt_io_size = options.optimal_io_blocks;
  config.writeback = shape.write_back ? 1 : 0;
  config.num_queues = shape.queues;
  config.max_discard_sectors = options.max_discard_sectors;
  config.max_discard_seg = BlkRequest::kMaxRanges;
  config.discard_sector_alignment = options.discard_alignment_sectors;
  config.max_write_zeroes_sectors = options.max_write_zeroes_sectors;
  config.max_write_zeroes_seg = BlkRequest::kMaxRanges;
  config.write_zeroes_may_unmap = shape.can_unmap ? 1 : 0;
  return config;
}

inline Features blk_features(bool read_only, std::uint16_t queues, bool write_cache = true) {
  Features offered{VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_TOPOLOGY};
  offered.set(VIRTIO_BLK_F_FLUSH, write_cache);
  offered.set(VIRTIO_BLK_F_CONFIG_WCE, write_cache);
  offered.set(VIRTIO_BLK_F_MQ, queues > 1);
  offered.set(VIRTIO_BLK_F_RO, read_only);
  offered.set(VIRTIO_BLK_F_DISCARD, !read_only);
  offered.set(VIRTIO_BLK_F_WRITE_ZEROES, !read_only);
  return offered;
}

}  // namespace hawser::virtio::device
