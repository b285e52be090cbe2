// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "block_job.hpp"

#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <vector>

namespace hawser::process {
namespace {

/// The file system, or this kind of file, does not know the operation; something else may do instead.
bool not_supported(int error) {
  return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL || error == ENODEV || error == ESPIPE;
}

/// Newer kernels (seen with Linux 6.18) copy to a file what they find mapped, and map the rest after that. Who is killed
/// meanwhile, in the middle of a sector too, leaves one that is half new and half old: so all is mapped before.
void map_all(const std::vector<iovec>& pieces) {
  constexpr std::size_t kPage = 4096;  // or more
  for (const iovec& piece : pieces) {
    const auto* const bytes = static_cast<const volatile std::byte*>(piece.iov_base);
    for (std::size_t at = 0; at < piece.iov_len; at += kPage) (void)bytes[at];
    if (piece.iov_len != 0) (void)bytes[piece.iov_len - 1];
  }
}

}  // namespace

void BlockJob::begin(std::uint32_t tag, Action action, bool durable, bool unmap, std::uint64_t at,
                     std::uint64_t bytes, const std::vector<iovec>& pieces) {
  tag_ = tag;
  action_ = action;
  durable_ = durable;
  at_ = at;
  bytes_ = bytes;
  pieces_ = pieces;
  first_ = 0;
  done_ = 0;
  error_ = 0;
  if (action == Action::kWrite) map_all(pieces_);
  switch (action) {
    case Action::kRead:
    case Action::kWrite:
      stage_ = Stage::kMove;
      break;
    case Action::kFlush:
      stage_ = Stage::kSync;
      break;
    case Action::kDiscard:
      stage_ = Stage::kPunch;
      break;
    case Action::kWriteZeroes:
      stage_ = unmap ? Stage::kPunch : Stage::kZeroRange;
      break;
  }
}

BlockCall BlockJob::call() {
  switch (stage_) {
    case Stage::kSync:
      return {.kind = BlockCall::Kind::kSync};
    case Stage::kPunch:
      return {.kind = BlockCall::Kind::kAllocate,
              .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              .at = at_,
              .bytes = bytes_};
    case Stage::kZeroRange:
      return {.kind = BlockCall::Kind::kAllocate,
              .mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
              .at = at_,
              .bytes = bytes_};
    case Stage::kWriteZeroes:
      fill_with_zeroes();
      [[fallthrough]];
    case Stage::kMove:
      break;
  }
  return {.kind = action_ == Action::kRead ? BlockCall::Kind::kRead : BlockCall::Kind::kWrite,
          .durable = durable_,
          .at = at_ + done_,
          .pieces = pieces_.data() + first_,
          .count = static_cast<unsigned>(std::min<std::size_t>(pieces_.size() - first_, IOV_MAX))};
}

BlockJob::Next BlockJob::result(int result) {
  if (result == -EINTR || result == -EAGAIN) return Next::kAgain;
  switch (stage_) {
    case Stage::kMove:
    case Stage::kWriteZeroes:
      return moved(result);
    case Stage::kSync:
      return result < 0 ? fail(-result) : Next::kDone;
    case Stage::kPunch:
      if (result >= 0) return finish();
      if (action_ == Action::kDiscard && not_supported(-result)) return Next::kDone;  // only a hint
      if (!not_supported(-result)) return fail(-result);
      stage_ = Stage::kZeroRange;
      return Next::kAgain;
    case Stage::kZeroRange:
      if (result >= 0) return finish();
      if (!not_supported(-result)) return fail(-result);
      stage_ = Stage::kWriteZeroes;
      return Next::kAgain;
  }
  return fail(EINVAL);
}

BlockJob::Next BlockJob::moved(int result) {
  if (result < 0) return fail(-result);
  if (result == 0) return fail(0);
  auto moved = static_cast<std::size_t>(result);
  done_ += moved;
  if (done_ >= bytes_) return Next::kDone;  // RWF_DSYNC has made it durable where asked for
  while (moved != 0 && first_ < pieces_.size()) {
    iovec& piece = pieces_[first_];
    const std::size_t here = std::min(moved, piece.iov_len);
    piece.iov_base = static_cast<std::byte*>(piece.iov_base) + here;
    piece.iov_len -= here;
    moved -= here;
    if (piece.iov_len == 0) ++first_;
  }
  return Next::kAgain;
}

BlockJob::Next BlockJob::finish() {
  if (!durable_) return Next::kDone;
  stage_ = Stage::kSync;
  return Next::kAgain;
}

BlockJob::Next BlockJob::fail(int error) {
  error_ = error;
  return Next::kFailed;
}

/// As much of what is left as a few pieces can say; all of them are the same zeros.
void BlockJob::fill_with_zeroes() {
  static std::array<std::byte, kZeroBytes> zeros{};
  pieces_.clear();
  first_ = 0;
  for (std::uint64_t left = bytes_ - done_; left != 0 && pieces_.size() < kMostPieces;) {
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(left, zeros.size()));
    pieces_.push_back({zeros.data(), here});
    left -= here;
  }
}

}  // namespace hawser::process
