// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A disk in ordinary memory. Every operation is over when submit() returns; a flush has nothing to do, because
// this memory is all the durability there is.
#pragma once

#include <hawser/virtio/device/blk_backend.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace hawser::virtio::device {

/// The bytes belong to the caller and outlive the disk. What is left after the last whole sector is not used.
class MemoryDisk {
 public:
  explicit MemoryDisk(std::span<std::byte> bytes, bool read_only = false)
      : bytes_(bytes), read_only_(read_only) {}

  std::uint64_t capacity() const { return bytes_.size() / kSectorBytes; }
  bool read_only() const { return read_only_; }
  bool can_unmap() const { return false; }

  template <Memory M>
  BlkProgress submit(const BlkOperation<M>& operation) {
    const auto at = static_cast<std::size_t>(operation.position());
    const auto count = static_cast<std::size_t>(operation.bytes);
    switch (operation.action) {
      case BlkAction::kRead:
        return operation.room().write(bytes_.subspan(at, count)).ok() ? BlkProgress::kDone
                                                                      : BlkProgress::kFailed;
      case BlkAction::kWrite:
        return operation.data().read(bytes_.subspan(at, count)).ok() ? BlkProgress::kDone
                                                                     : BlkProgress::kFailed;
      case BlkAction::kWriteZeroes:
        std::memset(bytes_.data() + at, 0, count);
        return BlkProgress::kDone;
      case BlkAction::kDiscard:
      case BlkAction::kFlush:
        return BlkProgress::kDone;
    }
    return BlkProgress::kFailed;
  }

  void go() {}
  std::optional<BlkFinished> poll() { return std::nullopt; }
  void drain() {}

 private:
  std::span<std::byte> bytes_;
  bool read_only_;
};

static_assert(BlkBackend<MemoryDisk, RegionMemory>);

}  // namespace hawser::virtio::device
