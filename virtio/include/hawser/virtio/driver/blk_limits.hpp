// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the device's configuration allows (VIRTIO 1.3 §5.2.4, §5.2.5), made safe: fields whose feature was not
// negotiated are not looked at, and values that make no sense become the nearest that do.
#pragma once

#include <hawser/virtio/blk_spec.hpp>
#include <hawser/virtio/features.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace hawser::virtio::driver {

struct BlkLimits {
  std::uint64_t capacity = 0;         ///< Sectors.
  std::uint32_t size_max = 0;         ///< Bytes of a segment.
  std::uint32_t seg_max = 0;          ///< Data segments of a request.
  std::uint32_t block_bytes = 0;      ///< What the device likes best; requests need not be multiples of it.
  std::uint32_t discard_sectors = 0;  ///< Of one request; 0: not offered.
  std::uint32_t discard_alignment = 1;
  std::uint32_t zero_sectors = 0;  ///< Of one write-zeroes request; 0: not offered.
  std::uint16_t queues = 1;
  bool read_only = false;
  bool flush = false;
  bool unmap = false;

  /// Bytes of one part: whole sectors, and a total that any queue can say.
  std::uint64_t part_bytes(std::uint32_t segments) const {
    const std::uint64_t most = std::uint64_t{size_max} * std::min(seg_max, segments);
    return std::min<std::uint64_t>(most, std::uint64_t{1} << 30) / kSectorBytes * kSectorBytes;
  }
};

/// How much of the configuration these features need: a device may have no more (§2.5.1).
inline std::size_t blk_config_bytes(Features negotiated) {
  constexpr std::pair<unsigned, std::size_t> kEnds[] = {
      {VIRTIO_BLK_F_SIZE_MAX, offsetof(virtio_blk_config, seg_max)},
      {VIRTIO_BLK_F_SEG_MAX, offsetof(virtio_blk_config, cylinders)},
      {VIRTIO_BLK_F_BLK_SIZE, offsetof(virtio_blk_config, physical_block_exp)},
      {VIRTIO_BLK_F_MQ, offsetof(virtio_blk_config, max_discard_sectors)},
      {VIRTIO_BLK_F_DISCARD, offsetof(virtio_blk_config, max_write_zeroes_sectors)},
      {VIRTIO_BLK_F_WRITE_ZEROES, offsetof(virtio_blk_config, unused1)}};
  std::size_t bytes = offsetof(virtio_blk_config, size_max);
  for (const auto& [feature, end] : kEnds) {
    if (negotiated.has(feature)) bytes = std::max(bytes, end);
  }
  return bytes;
}

inline BlkLimits blk_limits(const virtio_blk_config& config, Features negotiated) {
  const auto field = [&](unsigned feature, std::uint32_t value, std::uint32_t otherwise) {
    return negotiated.has(feature) && value != 0 ? value : otherwise;
  };
  BlkLimits limits;
  limits.capacity = std::min<std::uint64_t>(config.capacity, UINT64_MAX / kSectorBytes);
  limits.size_max = field(VIRTIO_BLK_F_SIZE_MAX, config.size_max, UINT32_MAX);
  limits.seg_max = field(VIRTIO_BLK_F_SEG_MAX, config.seg_max, 1);  // nothing else is promised
  limits.block_bytes = field(VIRTIO_BLK_F_BLK_SIZE, config.blk_size, kSectorBytes);
  limits.queues = static_cast<std::uint16_t>(field(VIRTIO_BLK_F_MQ, config.num_queues, 1));
  if (config.max_discard_seg != 0) {
    limits.discard_sectors = field(VIRTIO_BLK_F_DISCARD, config.max_discard_sectors, 0);
  }
  limits.discard_alignment = field(VIRTIO_BLK_F_DISCARD, config.discard_sector_alignment, 1);
  if (config.max_write_zeroes_seg != 0) {
    limits.zero_sectors = field(VIRTIO_BLK_F_WRITE_ZEROES, config.max_write_zeroes_sectors, 0);
  }
  limits.unmap = negotiated.has(VIRTIO_BLK_F_WRITE_ZEROES) && config.write_zeroes_may_unmap != 0;
  limits.read_only = negotiated.has(VIRTIO_BLK_F_RO);
  limits.flush = negotiated.has(VIRTIO_BLK_F_FLUSH);
  return limits;
}

}  // namespace hawser::virtio::driver
