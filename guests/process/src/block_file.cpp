// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/block_file.hpp>

#include "block_job.hpp"
#include "block_ring.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace hawser::process {
namespace {

/// Calls that took so long altogether are enough for one burst: the link wants to be served within seconds.
constexpr auto kLong = std::chrono::milliseconds(20);

using virtio::device::BlkAction;
using virtio::device::BlkFinished;
using virtio::device::BlkProgress;

template <class... Args>
[[noreturn]] void raise(fmt::format_string<Args...> format, Args&&... args) {
  throw std::runtime_error(fmt::format(format, std::forward<Args>(args)...));
}

const char* name_of(BlkAction action) {
  switch (action) {
    case BlkAction::kRead:
      return "reading";
    case BlkAction::kWrite:
      return "writing";
    case BlkAction::kFlush:
      return "flushing";
    case BlkAction::kDiscard:
      return "discarding";
    case BlkAction::kWriteZeroes:
      return "zeroing";
  }
  return "doing something to";
}

/// The call, at once. A count or a negative errno.
int make_call(int file, const BlockCall& call) {
  ssize_t result = 0;
  switch (call.kind) {
    case BlockCall::Kind::kRead:
      result = ::preadv(file, call.pieces, static_cast<int>(call.count), static_cast<off_t>(call.at));
      break;
    case BlockCall::Kind::kWrite:
      result = ::pwritev2(file, call.pieces, static_cast<int>(call.count), static_cast<off_t>(call.at),
                          call.durable ? RWF_DSYNC : 0);
      break;
    case BlockCall::Kind::kSync:
      result = ::fdatasync(file);
      break;
    case BlockCall::Kind::kAllocate:
      result = ::fallocate(file, call.mode, static_cast<off_t>(call.at), static_cast<off_t>(call.bytes));
      break;
  }
  return result < 0 ? -errno : static_cast<int>(std::min<ssize_t>(result, INT32_MAX));
}

/// The kernel lets go of the file of a process that was killed only when its io_uring is through with it, which may be
/// after the process is gone: a server that is started again at once waits for that.
bool lock(int file, bool shared) {
  constexpr int kTries = 50;
  constexpr int kPauseMs = 20;
  for (int left = kTries;; --left) {
    if (::flock(file, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return true;
    if ((errno != EWOULDBLOCK && errno != EINTR) || left == 0) return false;
    (void)::poll(nullptr, 0, kPauseMs);
  }
}

}  // namespace

BlockFile::BlockFile(const std::string& path, BlockFileOptions options)
    : path_(path), options_(std::move(options)) {
  file_ = OwnedFd(::open(path.c_str(), (options_.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK));
  if (!file_) {
    const bool rights = errno == EACCES || errno == EROFS || errno == EPERM;
    raise("the disk {} cannot be opened{}: {}{}", path, options_.read_only ? "" : " for writing",
          std::strerror(errno), rights && !options_.read_only ? "; a read-only disk needs less" : "");
  }
  struct stat about {};
  if (::fstat(file_.get(), &about) != 0)
    raise("the disk {} cannot be looked at: {}", path, std::strerror(errno));
  if (!S_ISREG(about.st_mode) && !S_ISBLK(about.st_mode))
    raise("{} is neither a file nor a block device", path);
  // O_NONBLOCK was for a pipe that somebody calls a disk; io_uring would take it as "fail rather than wait".
  if (::fcntl(file_.get(), F_SETFL, 0) != 0)
    raise("the disk {} cannot be set up: {}", path, std::strerror(errno));
  if (!lock(file_.get(), options_.read_only)) {
    if (errno == EWOULDBLOCK) raise("the disk {} is in use by another process", path);
    raise("the disk {} cannot be locked: {}", path, std::strerror(errno));
  }
  if (capacity() == 0) raise("the disk {} has less than one sector of 512 bytes", path);

  options_.depth = std::clamp(options_.depth, 1u, 4096u);
  int error = 0;
  if (options_.io_uring) ring_ = BlockRing::open(options_.depth, error);
  if (options_.io_uring && !ring_) {
    log(fmt::format(
        "the disk {}: io_uring is not available ({}); using ordinary calls, one request at a time", path,
        std::strerror(error)));
  }
  jobs_.resize(ring_ ? options_.depth : 1);
  for (auto n = static_cast<std::uint32_t>(jobs_.size()); n-- > 0;) free_.push_back(n);
}

BlockFile::~BlockFile() {
  drain();
}

int BlockFile::wake_fd() const {
  return ring_ ? ring_->wake_fd() : -1;
}

std::uint64_t BlockFile::capacity() const {
  struct stat about {};
  if (::fstat(file_.get(), &about) != 0) return 0;
  std::uint64_t bytes = 0;
  if (S_ISBLK(about.st_mode)) {
    if (::ioctl(file_.get(), BLKGETSIZE64, &bytes) != 0) return 0;
  } else {
    bytes = static_cast<std::uint64_t>(about.st_size);
  }
  return bytes / virtio::kSectorBytes;
}

BlkProgress BlockFile::begin(const Wanted& wanted) {
  if (free_.empty()) return BlkProgress::kBusy;
  const std::uint32_t number = free_.back();
  BlockJob& job = jobs_[number];
  job.begin(wanted.tag, wanted.action, wanted.durable, wanted.unmap, wanted.at, wanted.bytes, pieces_);
  ++counters_.operations;
  if (ring_) {
    free_.pop_back();
    ++counters_.system_calls;
    ring_->add(file_.get(), job.call(), number);
    return BlkProgress::kPending;
  }
  const auto began = std::chrono::steady_clock::now();
  do {
    ++counters_.system_calls;
  } while (!advance(job, make_call(file_.get(), job.call())));
  waited_ += std::chrono::steady_clock::now() - began;
  const bool ok = finished_.back().ok;
  finished_.pop_back();
  return ok ? BlkProgress::kDone : BlkProgress::kFailed;
}

bool BlockFile::advance(BlockJob& job, int result) {
  switch (job.result(result)) {
    case BlockJob::Next::kAgain:
      return false;
    case BlockJob::Next::kDone:
      finished_.push_back({job.tag(), true});
      return true;
    case BlockJob::Next::kFailed:
      break;
  }
  ++counters_.failed;
  complain(job);
  finished_.push_back({job.tag(), false});
  return true;
}

void BlockFile::collect() {
  bool more = false;
  while (const auto completion = ring_->take()) {
    BlockJob& job = jobs_[completion->job];
    if (advance(job, completion->result)) {
      free_.push_back(completion->job);
    } else {
      ++counters_.system_calls;
      ring_->add(file_.get(), job.call(), completion->job);
      more = true;
    }
  }
  if (more) ring_->go();
}

bool BlockFile::tired() {
  if (waited_ < kLong) return false;
  waited_ = {};
  return true;
}

void BlockFile::go() {
  if (ring_) ring_->go();
}

std::optional<BlkFinished> BlockFile::poll() {
  if (finished_.empty() && ring_) collect();
  if (finished_.empty()) return std::nullopt;
  const BlkFinished first = finished_.front();
  finished_.pop_front();
  return first;
}

void BlockFile::drain() {
  // What the kernel has may still write into lent bytes, so there is no giving up; each call has an end.
  while (ring_ && free_.size() < jobs_.size()) {
    const auto completion = ring_->wait();
    BlockJob& job = jobs_[completion.job];
    if (advance(job, completion.result)) {
      free_.push_back(completion.job);
    } else {
      ring_->add(file_.get(), job.call(), completion.job);
    }
  }
}

/// One line for each kind of failure, or a hostile driver could fill the log.
void BlockFile::complain(const BlockJob& job) {
  const std::pair<int, int> kind{static_cast<int>(job.action()), job.error()};
  if (std::find(complained_.begin(), complained_.end(), kind) != complained_.end()) return;
  complained_.push_back(kind);
  const std::string why = job.error() != 0 ? std::strerror(job.error()) : "the file has become shorter";
  log(fmt::format(
      "the disk {}: {} {} bytes at {} failed: {}; the driver gets an error, and more of the same only count",
      path_, name_of(job.action()), job.bytes(), job.at(), why));
}

void BlockFile::log(std::string_view line) const {
  say_somewhere(options_.log, line);
}

}  // namespace hawser::process
