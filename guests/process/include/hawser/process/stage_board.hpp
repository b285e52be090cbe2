// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Where a process that serves or uses devices puts its stage times, for `hawser stats` to look at: a piece of memory
// without a name in any file system, which its owner's /proc/PID/fd shows to the same user and to root. It costs nobody
// anything to be looked at, and nothing is left when the process ends, however it ends.
#pragma once

#include <hawser/process/owned_fd.hpp>

#include <hawser/virtio/queue/stage_book.hpp>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hawser::process {

/// What lies before the records. Layout and meaning are those of one version; another one is not read.
struct StageBoardHeader {
  static constexpr std::array<char, 8> kMagic = {'h', 'a', 'w', 's', 's', 't', 'a', 'g'};
  static constexpr std::uint32_t kVersion = 1;

  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t record_bytes;
  std::uint32_t records;
  std::uint32_t reserved;
  std::array<char, 16> verb;   ///< serve, use; padded with zeros.
  std::array<char, 200> link;  ///< As on the command line, cut off.
};

class StageBoard {
 public:
  static constexpr std::size_t kRecords = 64;
  static constexpr std::string_view kName = "hawser-stages";

  /// Where memory for it can not be had, nothing is timed.
  StageBoard(std::string_view verb, std::string_view link);
  ~StageBoard();
  StageBoard(const StageBoard&) = delete;
  StageBoard& operator=(const StageBoard&) = delete;

  virtio::StageBook* book() { return memory_ == nullptr ? nullptr : &book_; }

  static constexpr std::size_t bytes() {
    return sizeof(StageBoardHeader) + kRecords * sizeof(virtio::StageRecord);
  }

 private:
  OwnedFd fd_;
  void* memory_ = nullptr;
  std::vector<virtio::StageProbe> probes_;
  virtio::StageBook book_;
};

}  // namespace hawser::process
