// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Queues of several devices in one table. A `Queue` has known, device and index; known says that the others mean something.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hawser::virtio::courier {

template <class Queue, std::size_t kQueues>
Queue* find_queue(std::array<Queue, kQueues>& queues, std::uint16_t device, std::uint32_t index) {
  for (Queue& queue : queues)
    if (queue.known && queue.device == device && queue.index == index) return &queue;
  return nullptr;
}

/// That queue, or a free place that is its from now on; nullptr if there is neither, or no queue has that index.
template <class Queue, std::size_t kQueues>
Queue* place_queue(std::array<Queue, kQueues>& queues, std::uint16_t device, std::uint32_t index) {
  if (index > 0xffff) return nullptr;
  if (Queue* const known = find_queue(queues, device, index)) return known;
  for (Queue& queue : queues) {
    if (queue.known) continue;
    queue.known = true;
    queue.device = device;
    queue.index = static_cast<std::uint16_t>(index);
    return &queue;
  }
  return nullptr;
}

}  // namespace hawser::virtio::courier
