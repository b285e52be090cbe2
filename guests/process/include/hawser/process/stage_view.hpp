// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Looking at the stage boards of other processes, and putting both sides of a link together.
#pragma once

#include <hawser/process/stage_board.hpp>

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hawser::process {

/// Another process's board. What it says is copied before it is looked at, and is only ever printed.
class StageView {
 public:
  StageView(pid_t pid, const StageBoardHeader* memory);
  ~StageView();
  StageView(const StageView&) = delete;
  StageView& operator=(const StageView&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& verb() const { return verb_; }
  const std::string& link() const { return link_; }

  /// Whether the process is still there.
  bool alive() const;

  /// The records in use, as of now.
  std::vector<virtio::StageRecord> records() const;

 private:
  pid_t pid_;
  const StageBoardHeader* memory_;
  std::string verb_, link_;
};

/// Every board of a process that this user may look at; of one process only, if `only` is one. In the order of process ids.
std::vector<std::unique_ptr<StageView>> find_stage_views(pid_t only = 0);

/// A length of time out of a histogram, in nanoseconds: at most this for the share (0 to 1) of all. 0 when there are none.
std::uint64_t at_most_for(const virtio::StageHistogram& times, double share);

/// How many took longer, as far as the buckets tell.
std::uint64_t longer_than(const virtio::StageHistogram& times, std::uint64_t ns);

/// What was added since; `before` is of the same record.
virtio::StageHistogram since(const virtio::StageHistogram& now, const virtio::StageHistogram& before);

/// The requests that both sides happened to time: from the driver's publishing to the device's seeing, and from the
/// device's publishing to the driver's reaping. Of two parties whose clock is one.
struct StageJoin {
  std::vector<std::uint64_t> there;  ///< Nanoseconds, sorted.
  std::vector<std::uint64_t> back;
};
StageJoin join(const virtio::StageRecord& driver, const virtio::StageRecord& device);

}  // namespace hawser::process
