// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a user of the block driver says and hears.
#pragma once

#include <hawser/virtio/queue/queue.hpp>

#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>

#include <cstdint>

namespace hawser::virtio::driver {

enum class BlkError : std::uint8_t {
  // submit() refuses
  kNotStarted,
  kTableFull,  ///< Try again after a completion.
  kNotWholeSectors,
  kOutsideTheDisk,
  kBufferOutsideTheRegion,
  kReadOnly,
  kNotOffered,  ///< The device can't discard or write zeroes.
  // how a request ended
  kDeviceError,  ///< VIRTIO_BLK_S_IOERR
  kUnsupported,  ///< VIRTIO_BLK_S_UNSUPP
  kBadStatus,    ///< The device left no status, or one that does not exist.
  kShortRead,    ///< The device says OK, and that it wrote less than was asked for.
  kStalledTooLong,
  kCancelled,  ///< The driver was stopped.
  // the waiting calls
  kTimeout,     ///< No answer yet; what became of the request is not known.
  kNotRunning,  ///< Suspended or broken.
  kNoMemory,    ///< The arena has no room for a buffer.
};

/// A sentence for logs and reports, without a final period.
const char* describe(BlkError error);

enum class BlkKind : std::uint8_t {
  kRead,
  kWrite,
  kFlush,  ///< Covers every change that was submitted before it.
  kDiscard,
  kWriteZeroes,
  kTellId,
};

/// One request, of any size: what the device can't take at once goes in several parts. `buffer` lies in memory that
/// the device sees and belongs to the driver until the request has ended, or longer (BlkDone::lent).
struct BlkRequest {
  BlkKind kind = BlkKind::kRead;
  std::uint64_t sector = 0;
  std::uint64_t bytes = 0;  ///< A multiple of 512, also of kDiscard and kWriteZeroes.
  Offset buffer{};
  Token token{};       ///< The caller's name for it.
  bool unmap = false;  ///< kWriteZeroes: the storage may go, too.

  static BlkRequest read(std::uint64_t sector, Offset to, std::uint64_t bytes, Token token = {}) {
    return {.kind = BlkKind::kRead, .sector = sector, .bytes = bytes, .buffer = to, .token = token};
  }
  static BlkRequest write(std::uint64_t sector, Offset from, std::uint64_t bytes, Token token = {}) {
    return {.kind = BlkKind::kWrite, .sector = sector, .bytes = bytes, .buffer = from, .token = token};
  }
  static BlkRequest flush(Token token = {}) { return {.kind = BlkKind::kFlush, .token = token}; }
  static BlkRequest discard(std::uint64_t sector, std::uint64_t bytes, Token token = {}) {
    return {.kind = BlkKind::kDiscard, .sector = sector, .bytes = bytes, .token = token};
  }
  static BlkRequest write_zeroes(std::uint64_t sector, std::uint64_t bytes, bool unmap, Token token = {}) {
    return {.kind = BlkKind::kWriteZeroes, .sector = sector, .bytes = bytes, .token = token, .unmap = unmap};
  }
  /// Needs VIRTIO_BLK_ID_BYTES of buffer. Zero it before: a short id need not be padded by the device.
  static BlkRequest tell_id(Offset to, Token token = {}) {
    return {.kind = BlkKind::kTellId, .buffer = to, .token = token};
  }

  bool moves_data() const { return kind == BlkKind::kRead || kind == BlkKind::kWrite; }
  bool has_range() const { return kind != BlkKind::kFlush && kind != BlkKind::kTellId; }
  bool changes() const {
    return kind == BlkKind::kWrite || kind == BlkKind::kDiscard || kind == BlkKind::kWriteZeroes;
  }
};

/// Names one submitted request until its end has been taken.
struct BlkTicket {
  std::uint32_t slot = 0;
  std::uint32_t round = 0;
};

struct BlkDone {
  Token token;
  Result<void, BlkError> result;
  bool lent = false;  ///< The device may still use the buffer, until start() or resume() has succeeded.
};

}  // namespace hawser::virtio::driver
