// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What serves a block device: a memory, a file, another disk. The device half has checked everything before a
// backend sees it.
#pragma once

#include <hawser/virtio/blk_spec.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <hawser/transport/memory.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::virtio::device {

enum class BlkAction : std::uint8_t {
  kRead,
  kWrite,
  kFlush,        ///< Everything that was finished before becomes durable.
  kDiscard,      ///< The content may be forgotten. Doing nothing is a correct answer.
  kWriteZeroes,  ///< The range reads as zeros afterwards; with `unmap` it may lose its storage.
};

/// One thing to do. sector and bytes are inside the capacity, bytes is a multiple of 512. The segments stay where
/// they are until the operation has finished; the bytes behind them belong to the driver and may change at any time.
template <Memory M>
struct BlkOperation {
  std::uint32_t tag = 0;  ///< Comes back in BlkFinished. No two unfinished operations share one.
  BlkAction action = BlkAction::kRead;
  bool durable = false;  ///< A change is finished only when it is durable (write-through).
  bool unmap = false;
  std::uint64_t sector = 0;
  std::uint64_t bytes = 0;
  M memory{};
  std::span<const Segment> segments{};
  std::uint64_t skip = 0;  ///< Where the data begins in the segments; it is `bytes` long.

  std::uint64_t position() const { return sector * kSectorBytes; }

  /// The bytes to write, of kWrite.
  ChainReader<M> data() const {
    ChainReader<M> reader(memory, segments);
    (void)reader.skip(skip);  // checked when the request was parsed
    return reader;
  }
  /// Room for the bytes read, of kRead. It may be longer than `bytes`: what follows is not the backend's.
  ChainWriter<M> room() const {
    ChainWriter<M> writer(memory, segments);
    (void)writer.skip(skip);
    return writer;
  }
};

enum class BlkProgress : std::uint8_t {
  kDone,
  kFailed,   ///< Becomes VIRTIO_BLK_S_IOERR.
  kPending,  ///< poll() will tell.
  kBusy,     ///< Not taken: try again after something has finished.
};

struct BlkFinished {
  std::uint32_t tag = 0;
  bool ok = false;
};

/// submit(op)     begins, and perhaps ends, one operation. kDone of a write: the backend has the bytes, for good
///                (but for a loss of power) unless op.durable, for good without exception if it is.
/// go()           the end of a batch of submit(): whatever was held back until now is really begun.
/// poll()         one operation that was pending and is over. Must not wait and should cost nothing when there is none.
/// drain()        returns when nothing is pending any more and no lent byte is touched any more; what finished
///                may still be in poll().
/// capacity()     sectors, now.
/// read_only(), can_unmap()   fixed while the device runs.
template <class B, class M>
concept BlkBackend = Memory<M> && requires(B& backend, const B& cbackend, const BlkOperation<M>& operation) {
  { cbackend.capacity() } -> std::same_as<std::uint64_t>;
  { cbackend.read_only() } -> std::same_as<bool>;
  { cbackend.can_unmap() } -> std::same_as<bool>;
  { backend.submit(operation) } -> std::same_as<BlkProgress>;
  { backend.go() } -> std::same_as<void>;
  { backend.poll() } -> std::same_as<std::optional<BlkFinished>>;
  { backend.drain() } -> std::same_as<void>;
};

/// tired()        of a backend whose submit() waits: true once after it has waited for long altogether. Then what is
///                complete is shown, and the link served, before more is begun.
template <class B>
concept TiringBlkBackend = requires(B& backend) {
  { backend.tired() } -> std::same_as<bool>;
};

}  // namespace hawser::virtio::device
