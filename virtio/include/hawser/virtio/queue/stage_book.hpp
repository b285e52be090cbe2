// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The records of everything that one party times. A bus that is given a book opens a probe for each queue that starts.
#pragma once

#include <hawser/virtio/queue/stage_probe.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio {

/// What a queue is called in its record.
struct StageName {
  StageSide side = StageSide::kNobody;
  std::uint16_t device = 0;
  std::uint16_t queue = 0;
  std::uint32_t device_id = 0;
  std::uint16_t size = 0;
  bool packed = false;
};

class StageBook {
 public:
  /// Times nothing.
  StageBook() = default;

  /// `records` are zeroed; there is a probe for each. All outlive the book's use.
  StageBook(std::span<StageRecord> records, std::span<StageProbe> probes, StageClock clock)
      : records_(records), probes_(probes), clock_(clock) {}

  /// The probe for a queue that starts now: the same for the same place. Null when the book is full: that queue is not timed.
  StageProbe* open(const StageName& name);

 private:
  std::span<StageRecord> records_;
  std::span<StageProbe> probes_;
  StageClock clock_ = nullptr;
};

}  // namespace hawser::virtio
