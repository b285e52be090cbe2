// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A file or block device as what stands behind a block device. Bytes move between the file and the driver's buffers
// directly; io_uring does it where the kernel lets us, ordinary (waiting) calls do elsewhere.
#pragma once

#include <hawser/process/owned_fd.hpp>
#include <hawser/process/say.hpp>

#include <hawser/virtio/device/blk_backend.hpp>

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::process {

class BlockJob;
class BlockRing;

struct BlockFileOptions {
  bool read_only = false;
  bool io_uring = true;  ///< false: ordinary calls from the start.
  unsigned depth = 64;   ///< Operations at a time.
  /// Where one-line messages go; nothing: to stderr.
  Say log{};
};

struct BlockFileCounters {
  std::uint64_t operations = 0;
  std::uint64_t failed = 0;
  std::uint64_t system_calls = 0;  ///< Asked of the kernel, directly or through the ring.
};

class BlockFile {
 public:
  /// Takes a lock on the file (shared if read-only), so that two servers do not write it at once.
  /// Throws std::runtime_error with one sentence.
  BlockFile(const std::string& path, BlockFileOptions options);
  ~BlockFile();
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;

  /// Readable while poll() has something; -1 when every operation is over at once.
  int wake_fd() const;
  bool uses_io_uring() const { return ring_ != nullptr; }
  const BlockFileCounters& counters() const { return counters_; }

  // --- BlkBackend ---

  /// As the file is now; zero if that can't be told.
  std::uint64_t capacity() const;
  bool read_only() const { return options_.read_only; }
  bool can_unmap() const { return !options_.read_only; }

  template <LendableMemory M>
  virtio::device::BlkProgress submit(const virtio::device::BlkOperation<M>& operation) {
    using Action = virtio::device::BlkAction;
    pieces_.clear();
    if (operation.action == Action::kRead && !lend(operation.room(), operation.bytes)) return kFailed;
    if (operation.action == Action::kWrite && !lend(operation.data(), operation.bytes)) return kFailed;
    return begin({.tag = operation.tag,
                  .action = operation.action,
                  .durable = operation.durable,
                  .unmap = operation.unmap,
                  .at = operation.position(),
                  .bytes = operation.bytes});
  }
  void go();
  std::optional<virtio::device::BlkFinished> poll();
  void drain();
  /// Without io_uring: calls have taken 20 ms since it was last true.
  bool tired();

 private:
  static constexpr auto kFailed = virtio::device::BlkProgress::kFailed;

  struct Wanted {
    std::uint32_t tag;
    virtio::device::BlkAction action;
    bool durable;
    bool unmap;
    std::uint64_t at;
    std::uint64_t bytes;
  };

  template <class Cursor>
  bool lend(Cursor cursor, std::uint64_t bytes) {
    while (bytes != 0) {
      const auto piece = cursor.borrow(bytes);
      if (!piece.ok() || piece->empty()) return false;
      // iovec knows no const; the kernel only reads what is written to the file.
      pieces_.push_back({const_cast<std::byte*>(piece->data()), piece->size()});
      bytes -= piece->size();
    }
    return true;
  }

  virtio::device::BlkProgress begin(const Wanted& wanted);
  void collect();
  /// The call has returned `result` (a count, or a negative errno). True: the job is over.
  bool advance(BlockJob& job, int result);
  void complain(const BlockJob& job);
  void log(std::string_view line) const;

  std::string path_;
  BlockFileOptions options_;
  OwnedFd file_;
  std::unique_ptr<BlockRing> ring_;
  std::vector<BlockJob> jobs_;
  std::vector<std::uint32_t> free_;
  std::vector<iovec> pieces_;  ///< Of the operation that is being submitted.
  std::deque<virtio::device::BlkFinished> finished_;
  std::vector<std::pair<int, int>> complained_;   ///< Kinds of failures that were logged.
  std::chrono::steady_clock::duration waited_{};  ///< In calls, since tired() was true.
  BlockFileCounters counters_;
};

static_assert(virtio::device::BlkBackend<BlockFile, RegionMemory> &&
              virtio::device::TiringBlkBackend<BlockFile>);

}  // namespace hawser::process
