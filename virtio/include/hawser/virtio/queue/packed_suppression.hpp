// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One side's event suppression in a packed virtqueue (VIRTIO 1.3 §2.8.10, §2.8.14): what we ask for, and
// whether the other side's request covers what we just did.
#pragma once

#include <hawser/virtio/queue/event.hpp>
#include <hawser/virtio/queue/packed_position.hpp>

#include <cstdint>

namespace hawser::virtio::detail {

template <class Area>
class PackedSuppression {
 public:
  PackedSuppression() = default;
  PackedSuppression(Area ours, Area theirs, std::uint16_t size, bool event_index)
      : ours_(ours), theirs_(theirs), size_(size), event_index_(event_index) {}

  /// Tell us when the descriptor at `next` has changed hands.
  void ask(PackedPosition next) {
    ask_for(event_index_ ? event_word(next.off_wrap(), RING_EVENT_FLAGS_DESC)
                         : event_word(0, RING_EVENT_FLAGS_ENABLE));
  }
  void ask_nothing() { ask_for(event_word(0, RING_EVENT_FLAGS_DISABLE)); }

  /// Whether the other side wants to hear that the last `step` descriptors before `now` changed hands. The
  /// caller has fenced.
  bool wanted(PackedPosition now, std::uint16_t step) const {
    const auto word = theirs_.template load<std::uint32_t>(0);
    const auto flags = static_cast<std::uint16_t>(word >> 16);
    if (flags == RING_EVENT_FLAGS_DISABLE) return false;
    if (flags != RING_EVENT_FLAGS_DESC || !event_index_) return true;  // also for the reserved value
    return need_packed_event(static_cast<std::uint16_t>(word), now.offset, now.wrap, step, size_);
  }

 private:
  /// One store for both fields; none when nothing changes, to leave the line with the other side.
  void ask_for(std::uint32_t word) {
    if (word == asked_) return;
    asked_ = word;
    ours_.template store<std::uint32_t>(0, word);
  }

  Area ours_{};
  Area theirs_{};
  std::uint32_t asked_ = 0;  ///< Zeroed memory means RING_EVENT_FLAGS_ENABLE.
  std::uint16_t size_ = 0;
  bool event_index_ = false;
};

}  // namespace hawser::virtio::detail
