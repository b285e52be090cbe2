// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Lists of segments that live as long as their request, out of one pool.
#pragma once

#include <hawser/virtio/queue/chain.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace hawser::virtio::courier {

template <std::uint16_t kSegments>
class SegmentPool {
 public:
  /// The end of a list.
  static constexpr std::uint16_t kNone = 0xffff;
  static_assert(kSegments < kNone);

  SegmentPool() { reset(); }

  void reset() {
    for (std::uint16_t n = 0; n < kSegments; ++n)
      next_[n] = n + 1 < kSegments ? static_cast<std::uint16_t>(n + 1) : kNone;
    free_ = 0;
    left_ = kSegments;
  }

  std::size_t left() const { return left_; }

  /// Adds to the end of a list; the caller has asked left().
  void append(std::uint16_t& head, std::uint16_t& tail, const Segment& segment) {
    const std::uint16_t node = free_;
    free_ = next_[node];
    --left_;
    segments_[node] = segment;
    next_[node] = kNone;
    (head == kNone ? head : next_[tail]) = node;
    tail = node;
  }

  const Segment& operator[](std::uint16_t node) const { return segments_[node]; }
  std::uint16_t next(std::uint16_t node) const { return next_[node]; }

  /// Gives the whole list back.
  void release(std::uint16_t& head) {
    while (head != kNone) {
      const std::uint16_t node = head;
      head = next_[node];
      next_[node] = free_;
      free_ = node;
      ++left_;
    }
  }

 private:
  std::array<Segment, kSegments> segments_;
  std::array<std::uint16_t, kSegments> next_;
  std::uint16_t free_ = 0;
  std::size_t left_ = 0;
};

}  // namespace hawser::virtio::courier
