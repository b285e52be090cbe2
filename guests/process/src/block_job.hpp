// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One operation on a file as the system calls that it takes, whoever makes them: reads and writes may be short, zeroes
// may have to be written by hand, and a durable change ends with a sync.
#pragma once

#include <hawser/virtio/device/blk_backend.hpp>

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hawser::process {

struct BlockCall {
  enum class Kind : std::uint8_t {
    kRead,
    kWrite,
    kSync,
    kAllocate,  ///< fallocate with `mode`.
  };
  Kind kind = Kind::kSync;
  int mode = 0;          ///< kAllocate.
  bool durable = false;  ///< kWrite.
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;  ///< kAllocate.
  const iovec* pieces = nullptr;
  unsigned count = 0;
};

class BlockJob {
 public:
  using Action = virtio::device::BlkAction;

  void begin(std::uint32_t tag, Action action, bool durable, bool unmap, std::uint64_t at,
             std::uint64_t bytes, const std::vector<iovec>& pieces);

  std::uint32_t tag() const { return tag_; }
  Action action() const { return action_; }
  std::uint64_t at() const { return at_; }
  std::uint64_t bytes() const { return bytes_; }

  /// What to ask of the kernel next. The iovecs stay where they are until result().
  BlockCall call();

  enum class Next : std::uint8_t {
    kAgain,  ///< call() again.
    kDone,
    kFailed,  ///< error() says why.
  };
  /// What the kernel said: a count, or a negative errno.
  Next result(int result);

  int error() const { return error_; }  ///< An errno; 0: the file ended too early.

 private:
  enum class Stage : std::uint8_t {
    kMove,
    kPunch,
    kZeroRange,
    kWriteZeroes,
    kSync,
  };
  static constexpr std::size_t kZeroBytes = std::size_t{64} << 10;
  static constexpr std::size_t kMostPieces = 16;

  Next moved(int result);
  Next finish();
  Next fail(int error);
  void fill_with_zeroes();

  std::vector<iovec> pieces_;
  std::size_t first_ = 0;  ///< Of pieces_: the ones before it are done.
  std::uint64_t at_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t done_ = 0;
  std::uint32_t tag_ = 0;
  int error_ = 0;
  Action action_ = Action::kRead;
  Stage stage_ = Stage::kMove;
  bool durable_ = false;
};

}  // namespace hawser::process
