// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Times requests of one half of a queue, few enough of them that it can be left on: one at a time, chosen by number, as
// many as there is time for (one in 50 to 400 microseconds). What a request that is not chosen costs is inline here.
#pragma once

#include <hawser/virtio/queue/stage_record.hpp>

#include <cstdint>

namespace hawser::virtio {

/// Nanoseconds that never go back.
using StageClock = std::uint64_t (*)();

/// Which requests are timed. The selection is a rotation by the golden ratio, so no regular pattern of requests (every
/// 64th the first of a batch) is favored; what level n selects, level n - 1 selects too, so that two sides with different
/// levels still select many a request in common.
struct StageSelection {
  static constexpr unsigned kMaxLevel = 16;

  static constexpr bool selected(std::uint32_t number, unsigned level) {
    return level == 0 || (number * 0x9E3779B9u) >> (32 - level) == 0;
  }

  /// The first one behind `number`, which is selected itself. By the three-gap theorem the way there is a Fibonacci number.
  static constexpr std::uint32_t next(std::uint32_t number, unsigned level) {
    std::uint32_t gap = 1;
    for (std::uint32_t after = 2; gap < (1u << 30) && !selected(number + gap, level);) {
      const std::uint32_t sum = gap + after;
      gap = after;
      after = sum;
    }
    return number + gap;
  }
};

class StageProbe {
 public:
  /// Begins a life of the queue. Both outlive it.
  void open(StageRecord& record, StageClock clock);

  // ---- the driver's half -------------------------------------------------------------------------------------

  void added(std::uint64_t token) {
    unpublished_ = true;
    if (count_++ == next_) [[unlikely]]
      begin(token);
  }
  void reaped(std::uint64_t token) {
    if (stage_ >= kShown && token == key_) [[unlikely]]
      finish(2);
  }

  // ---- the device's half -------------------------------------------------------------------------------------

  void taken(std::uint16_t sequence) {
    if (count_++ == next_) [[unlikely]]
      begin(sequence);
  }
  void completed(std::uint16_t sequence) {
    unpublished_ = true;
    if (stage_ == kBegun && sequence == key_) [[unlikely]]
      completed_now();
  }

  // ---- both --------------------------------------------------------------------------------------------------

  /// After publish(), which said whether the other side wants to be told.
  void published(bool wanted) {
    if (!unpublished_) return;
    unpublished_ = false;
    count_publishing(wanted);
    if (stage_ != kIdle) [[unlikely]]
      published_now(wanted);
  }
  /// The other side has been told.
  void rung() {
    if (stage_ == kAwaitsBell) [[unlikely]]
      rung_now();
  }
  /// Nothing to do for the moment: requests are rarer than the level may believe.
  void idle() {
    if ((++idles_ & 15) == 0 && level_ != 0 && stage_ == kIdle) [[unlikely]]
      lower();
  }

 private:
  enum State : std::uint8_t {
    kIdle,
    kBegun,
    kCompleted,   ///< Device: not published yet.
    kShown,       ///< Published; the driver's goes on until it is reaped.
    kAwaitsBell,  ///< As kShown, and the bell is still to come.
  };

  void begin(std::uint64_t key);
  void completed_now();
  void published_now(bool wanted);
  void rung_now();
  void finish(unsigned last);
  void lower();
  void count_publishing(bool wanted);
  void choose_next();

  StageRecord* record_ = nullptr;
  StageClock clock_ = nullptr;
  std::uint64_t key_ = 0;
  std::uint32_t count_ = 0;  ///< Requests so far; they wrap.
  std::uint32_t next_ = 0;   ///< The one to be timed.
  std::uint32_t last_ = 0;   ///< One that was selected before: next_ is counted from there.
  std::uint32_t level_ = 0;
  std::uint32_t idles_ = 0;
  std::uint32_t seen_ = 0;  ///< count_ when it was last told to the record.
  State stage_ = kIdle;
  bool unpublished_ = false;
  StageMoments moments_{};
  std::uint64_t last_sample_ = 0;
};

namespace detail {

/// The only writer adds; a reader elsewhere sees a whole word.
template <class T>
inline void stage_store(T& word, T value) {
  __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}

}  // namespace detail

inline void StageProbe::count_publishing(bool wanted) {
  const std::uint32_t more = count_ - seen_;
  seen_ = count_;
  detail::stage_store(record_->requests, record_->requests + more);
  detail::stage_store(record_->publishings, record_->publishings + 1);
  if (wanted) detail::stage_store(record_->bells, record_->bells + 1);
}

}  // namespace hawser::virtio
