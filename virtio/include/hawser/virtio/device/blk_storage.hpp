// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The memory that a block device needs for what it has taken from its queues and not finished yet.
#pragma once

#include <hawser/virtio/device/blk_request.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/chain.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::device {

/// One request in hand.
struct BlkSlot {
  enum class State : std::uint8_t {
    kFree,
    kWaiting,   ///< The backend was busy.
    kPending,   ///< The backend has it.
    kFinished,  ///< Waits for older ones, because the queue completes in order.
  };

  Chain chain;
  BlkRequest request;
  std::uint32_t next = 0;  ///< In the free list, or in the queue's list of requests in order.
  std::uint16_t queue = 0;
  State state = State::kFree;
  std::uint8_t status = 0;
};

template <Memory M>
struct BlkQueue {
  static constexpr std::uint32_t kNone = UINT32_MAX;

  AnyDeviceQueue<M> queue;
  std::uint32_t free = kNone;
  std::uint32_t oldest = kNone;  ///< Only kept when the queue completes in order.
  std::uint32_t newest = kNone;
  std::uint32_t waiting = 0;
  bool attached = false;
  bool unpublished = false;  ///< Something was completed while another queue was served.
};

template <Memory M>
struct BlkStorage {
  std::span<BlkQueue<M>> queues;
  std::span<BlkSlot> slots;
  std::span<Segment> segments;
};

/// Room for `kQueues` queues with up to `kDepth` requests in hand each, of up to `kSegMax` data segments.
template <Memory M, std::size_t kQueues = 1, std::size_t kDepth = 64, std::size_t kSegMax = 62>
struct BlkRoom {
  /// A driver may cut the header into pieces of one byte, and the status has to be somewhere.
  static constexpr std::size_t kSegments = kSegMax + sizeof(virtio_blk_req_header) + 1;

  std::array<BlkQueue<M>, kQueues> queues{};
  std::array<BlkSlot, kQueues * kDepth> slots{};
  std::array<Segment, kQueues * kDepth * kSegments> segments{};

  operator BlkStorage<M>() { return {queues, slots, segments}; }
};

}  // namespace hawser::virtio::device
