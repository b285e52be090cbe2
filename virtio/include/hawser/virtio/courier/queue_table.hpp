// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Queues of several devices in one table. A `Queue` has known, device and index; known says that the others mean something.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::courier {

template <class Queue, std::uint16_t kQueues>
class QueueTable {
 public:
  /// All places up to the last that was ever taken. Whoever looks at each of them in each turn of a bus looks at no more.
  std::span<Queue> used() { return std::span(queues_).first(used_); }
  std::span<const Queue> used() const { return std::span(queues_).first(used_); }

  Queue& operator[](std::uint16_t number) { return queues_[number]; }
  std::uint16_t number_of(const Queue& queue) const {
    return static_cast<std::uint16_t>(&queue - queues_.data());
  }

  Queue* find(std::uint16_t device, std::uint32_t index) {
    for (Queue& queue : used())
      if (queue.known && queue.device == device && queue.index == index) return &queue;
    return nullptr;
  }

  /// place() would find one.
  bool has_place(std::uint16_t device, std::uint32_t index) {
    return find(device, index) != nullptr ||
           std::any_of(queues_.begin(), queues_.end(), [](const Queue& queue) { return !queue.known; });
  }

  /// That queue, or a free place that is its from now on; nullptr if there is neither, or no queue has that index.
  Queue* place(std::uint16_t device, std::uint32_t index) {
    if (index > 0xffff) return nullptr;
    if (Queue* const known = find(device, index)) return known;
    for (Queue& queue : queues_) {
      if (queue.known) continue;
      queue.known = true;
      queue.device = device;
      queue.index = static_cast<std::uint16_t>(index);
      if (number_of(queue) == used_) ++used_;
      return &queue;
    }
    return nullptr;
  }

  /// One of used() after the other, so that all get their turn. Not for an empty table.
  Queue& next() {
    if (turn_ >= used_) turn_ = 0;
    return queues_[turn_++];
  }

 private:
  std::array<Queue, kQueues> queues_{};
  std::uint16_t used_ = 0;
  std::uint16_t turn_ = 0;
};

}  // namespace hawser::virtio::courier
