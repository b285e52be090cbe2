// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How a piece of a request becomes a chain (VIRTIO 1.3 §5.2.6): header, data or range, status.
#pragma once

#include <hawser/virtio/blk_spec.hpp>
#include <hawser/virtio/driver/blk_limits.hpp>
#include <hawser/virtio/driver/blk_types.hpp>
#include <hawser/virtio/queue/arena.hpp>
#include <hawser/virtio/queue/chain.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::virtio::driver {

constexpr std::uint32_t blk_type(BlkKind kind) {
  switch (kind) {
    case BlkKind::kRead:
      return VIRTIO_BLK_T_IN;
    case BlkKind::kWrite:
      return VIRTIO_BLK_T_OUT;
    case BlkKind::kFlush:
      return VIRTIO_BLK_T_FLUSH;
    case BlkKind::kDiscard:
      return VIRTIO_BLK_T_DISCARD;
    case BlkKind::kWriteZeroes:
      return VIRTIO_BLK_T_WRITE_ZEROES;
    case BlkKind::kTellId:
      return VIRTIO_BLK_T_GET_ID;
  }
  return UINT32_MAX;
}

/// Bytes of the request that the next part covers, when `issued` are covered already. `segments`: of data, at most.
inline std::uint64_t part_bytes(const BlkRequest& request, std::uint64_t issued, const BlkLimits& limits,
                                std::uint32_t segments) {
  const std::uint64_t left = request.bytes - std::min(request.bytes, issued);
  if (request.moves_data()) return std::min(left, limits.part_bytes(segments));
  if (request.kind == BlkKind::kWriteZeroes) {
    return std::min(left, std::uint64_t{limits.zero_sectors} * kSectorBytes);
  }
  if (request.kind != BlkKind::kDiscard) return 0;
  const std::uint64_t most = std::uint64_t{limits.discard_sectors} * kSectorBytes;
  if (left <= most) return left;
  // End the part where the device likes it, so that the next one begins there.
  const std::uint64_t sector = request.sector + issued / kSectorBytes;
  const std::uint64_t end = sector + limits.discard_sectors;
  const std::uint64_t aligned = end - end % limits.discard_alignment;
  return aligned > sector ? (aligned - sector) * kSectorBytes : most;
}

/// The segments of one part.
class BlkChain {
 public:
  static constexpr std::uint32_t kMaxData = 62;

  void add_readable(Segment segment) {
    segments_[count_++] = segment;
    readable_ = count_;
  }
  void add_writable(Segment segment) { segments_[count_++] = segment; }

  std::span<const Segment> readable() const { return std::span(segments_).first(readable_); }
  std::span<const Segment> writable() const {
    return std::span(segments_).subspan(readable_, count_ - readable_);
  }

 private:
  std::array<Segment, kMaxData + 2> segments_;
  std::size_t count_ = 0;
  std::size_t readable_ = 0;
};

/// The parts' control blocks: one cache line each, written here, read by the device, and one byte back. Nothing but
/// that byte is ever read from it.
template <Memory M>
class BlkControl {
 public:
  /// Allocates, unless that has been done.
  bool open(Arena& arena, const M& memory, std::size_t parts) {
    memory_ = memory;
    if (bytes_ != 0) return true;
    const std::optional<Offset> at = arena.allocate(parts * kBlockBytes);
    if (!at) return false;
    base_ = *at;
    bytes_ = parts * kBlockBytes;
    return true;
  }
  void close(Arena& arena) {
    if (bytes_ != 0) arena.release(base_, bytes_);
    bytes_ = 0;
  }

  /// Writes the part's control block and lists its segments.
  bool prepare(std::uint32_t part, const BlkRequest& request, std::uint64_t issued, std::uint64_t bytes,
               const BlkLimits& limits, BlkChain& chain) const {
    const std::uint64_t sector = request.sector + issued / kSectorBytes;
    const auto block = memory_.area(at(part, 0), kBlockBytes, 1);
    if (!block.ok()) return false;
    block->write(kHeaderAt, wire_bytes(virtio_blk_req_header{.type = blk_type(request.kind),
                                                             .reserved = 0,
                                                             .sector = request.moves_data() ? sector : 0}));
    block->write(kStatusAt, std::span(&kNoStatus, 1));
    chain.add_readable({at(part, kHeaderAt), sizeof(virtio_blk_req_header)});
    if (request.moves_data()) {
      for (std::uint64_t done = 0; done < bytes;) {
        const auto piece = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes - done, limits.size_max));
        const Segment segment{request.buffer + issued + done, piece};
        request.kind == BlkKind::kWrite ? chain.add_readable(segment) : chain.add_writable(segment);
        done += piece;
      }
    } else if (request.has_range()) {
      const bool unmap = request.kind == BlkKind::kWriteZeroes && request.unmap && limits.unmap;
      block->write(kRangeAt, wire_bytes(virtio_blk_discard_write_zeroes{
                                 .sector = sector,
                                 .num_sectors = static_cast<std::uint32_t>(bytes / kSectorBytes),
                                 .flags = unmap ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0}));
      chain.add_readable({at(part, kRangeAt), sizeof(virtio_blk_discard_write_zeroes)});
    } else if (request.kind == BlkKind::kTellId) {
      chain.add_writable({request.buffer, VIRTIO_BLK_ID_BYTES});
    }
    chain.add_writable({at(part, kStatusAt), 1});
    return true;
  }

  /// What the device left there; kNoStatus if nothing.
  std::uint8_t status(std::uint32_t part) const {
    std::byte status = kNoStatus;
    const auto place = memory_.area(at(part, kStatusAt), 1, 1);
    if (place.ok()) place->read(0, std::span(&status, 1));
    return std::to_integer<std::uint8_t>(status);
  }

 private:
  static constexpr std::uint64_t kBlockBytes = Arena::kUnit;
  static constexpr std::size_t kHeaderAt = 0;
  static constexpr std::size_t kRangeAt = 16;
  static constexpr std::size_t kStatusAt = 32;
  static constexpr std::byte kNoStatus{0xff};

  Offset at(std::uint32_t part, std::size_t place) const {
    return base_ + (std::uint64_t{part} * kBlockBytes + place);
  }

  M memory_{};
  Offset base_;
  std::uint64_t bytes_ = 0;
};

}  // namespace hawser::virtio::driver
