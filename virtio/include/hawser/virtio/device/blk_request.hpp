// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Understanding one block request (VIRTIO 1.3 §5.2.6). The header and the ranges are copied out of the driver's
// memory once; what is checked here is that copy, and nobody reads the original again. Only the order of the bytes
// counts, not how they are cut into segments (§2.7.4.1).
#pragma once

#include <hawser/virtio/blk_spec.hpp>
#include <hawser/virtio/device/blk_backend.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::device {

/// What a request is judged by.
struct BlkRules {
  std::uint64_t capacity = 0;   ///< Sectors.
  std::uint64_t max_bytes = 0;  ///< Of data in one request.
  std::uint32_t max_discard_sectors = 0;
  std::uint32_t max_write_zeroes_sectors = 0;
  bool read_only = false;
  bool flush = false;  ///< Negotiated, and so on.
  bool discard = false;
  bool write_zeroes = false;
};

enum class BlkVerdict : std::uint8_t {
  kRun,  ///< There is something for the backend to do.
  kNothingToDo,
  kTellId,
  kIoError,
  kUnsupported,
};

/// A request in private memory.
struct BlkRequest {
  /// Of one discard or write-zeroes request. Announced as max_discard_seg and max_write_zeroes_seg.
  static constexpr std::size_t kMaxRanges = 16;

  struct Range {
    std::uint64_t sector = 0;
    std::uint32_t sectors = 0;
    bool unmap = false;
  };

  BlkAction action = BlkAction::kRead;
  std::uint64_t sector = 0;
  std::uint64_t bytes = 0;
  std::array<Range, kMaxRanges> ranges{};  ///< The first one is also in sector and bytes.
  std::uint8_t range_count = 0;
  std::uint8_t range = 0;

  /// On to the next range; false when that was the last.
  bool next_range() {
    if (range + 1 >= range_count) return false;
    ++range;
    use_range();
    return true;
  }
  void use_range() {
    sector = ranges[range].sector;
    bytes = std::uint64_t{ranges[range].sectors} * kSectorBytes;
  }
  bool unmap() const { return range < range_count && ranges[range].unmap; }
};

namespace detail {

constexpr bool inside(std::uint64_t sector, std::uint64_t sectors, std::uint64_t capacity) {
  return sectors <= capacity && sector <= capacity - sectors;
}

/// `bytes` of data at `sector`, of a read or write.
inline BlkVerdict judge_data(const BlkRules& rules, std::uint64_t sector, std::uint64_t bytes) {
  if (bytes % kSectorBytes != 0 || bytes > rules.max_bytes) return BlkVerdict::kIoError;
  if (!inside(sector, bytes / kSectorBytes, rules.capacity)) return BlkVerdict::kIoError;
  return bytes == 0 ? BlkVerdict::kNothingToDo : BlkVerdict::kRun;
}

/// All ranges are judged before the first is touched. Empty ones are dropped.
template <Memory M>
BlkVerdict read_ranges(ChainReader<M>& reader, const BlkRules& rules, BlkRequest& request) {
  const bool discard = request.action == BlkAction::kDiscard;
  const std::uint32_t known = discard ? 0 : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
  const std::uint32_t most = discard ? rules.max_discard_sectors : rules.max_write_zeroes_sectors;
  const std::uint64_t count = reader.remaining() / sizeof(virtio_blk_discard_write_zeroes);
  if (count == 0 || count > BlkRequest::kMaxRanges ||
      reader.remaining() % sizeof(virtio_blk_discard_write_zeroes) != 0) {
    return BlkVerdict::kIoError;
  }
  for (std::uint64_t n = 0; n < count; ++n) {
    const auto range = reader.template read_wire<virtio_blk_discard_write_zeroes>();
    if (!range.ok()) return BlkVerdict::kIoError;
    const std::uint32_t flags = range->flags;
    const std::uint32_t sectors = range->num_sectors;
    const std::uint64_t sector = range->sector;
    if ((flags & ~known) != 0) return BlkVerdict::kUnsupported;  // §5.2.6.2; for a discard also unmap
    if (sectors > most || !inside(sector, sectors, rules.capacity)) return BlkVerdict::kIoError;
    if (sectors == 0) continue;
    request.ranges[request.range_count++] = {sector, sectors, flags != 0};
  }
  if (request.range_count == 0) return BlkVerdict::kNothingToDo;
  request.use_range();
  return BlkVerdict::kRun;
}

}  // namespace detail

/// Fills `request`. The chain has at least one writable byte: the status, which is not part of the data.
template <Memory M>
BlkVerdict read_blk_request(const M& memory, const Chain& chain, const BlkRules& rules, BlkRequest& request) {
  ChainReader<M> reader(memory, chain);
  const auto header = reader.template read_wire<virtio_blk_req_header>();
  if (!header.ok()) return BlkVerdict::kIoError;
  const std::uint32_t type = header->type;
  request.sector = header->sector;
  switch (type) {
    case VIRTIO_BLK_T_IN:
      request.action = BlkAction::kRead;
      request.bytes = chain.writable_bytes() - 1;
      return detail::judge_data(rules, request.sector, request.bytes);
    case VIRTIO_BLK_T_OUT:
      request.action = BlkAction::kWrite;
      request.bytes = reader.remaining();
      if (rules.read_only) return BlkVerdict::kIoError;  // §5.2.6.2
      return detail::judge_data(rules, request.sector, request.bytes);
    case VIRTIO_BLK_T_FLUSH:
      request.action = BlkAction::kFlush;
      request.sector = 0;
      return rules.flush ? BlkVerdict::kRun : BlkVerdict::kUnsupported;
    case VIRTIO_BLK_T_GET_ID:
      return BlkVerdict::kTellId;
    case VIRTIO_BLK_T_DISCARD:
      request.action = BlkAction::kDiscard;
      if (!rules.discard) return BlkVerdict::kUnsupported;
      return detail::read_ranges(reader, rules, request);
    case VIRTIO_BLK_T_WRITE_ZEROES:
      request.action = BlkAction::kWriteZeroes;
      if (!rules.write_zeroes) return BlkVerdict::kUnsupported;
      return detail::read_ranges(reader, rules, request);
    default:
      return BlkVerdict::kUnsupported;
  }
}

}  // namespace hawser::virtio::device
