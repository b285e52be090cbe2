// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The memory of one queue, and its two halves, as far from one another as two processes' are.
#pragma once

#include "rings.hpp"

#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/stage_book.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace hawser::bench {

inline constexpr std::uint32_t kBufferBytes = 64;

class RingPair {
 public:
  using Driver = virtio::AnyDriverQueue<RegionMemory>;
  using Device = virtio::AnyDeviceQueue<RegionMemory>;

  explicit RingPair(const RingRun& run);

  bool good() const { return good_; }
  Driver& driver() { return driver_.queue; }
  Device& device() { return device_.queue; }

  /// Requests are numbered; each has a buffer of its own among as many as the queue has descriptors.
  bool add(std::uint32_t number, std::uint16_t size) {
    const virtio::Segment buffer{kBuffers + (number % size) * kBufferBytes, kBufferBytes};
    return driver().try_add(std::span(&buffer, 1), {}, virtio::Token{number}).ok();
  }
  static bool whole(const virtio::Chain& chain) {
    return chain.readable().size() == 1 && chain.readable()[0].bytes == kBufferBytes;
  }

 private:
  static constexpr std::size_t kRegionBytes = 1 << 20;
  static constexpr Offset kBuffers{512 * 1024};
  struct Unmap {
    void operator()(std::byte* bytes) const { ::operator delete[](bytes, std::align_val_t{4096}); }
  };
  // In life the two halves are in different processes or guests; here they must not meet in a cache line either.
  template <class Q>
  struct alignas(128) Apart {
    Q queue;
    virtio::StageProbe probe;
    virtio::StageRecord record{};
  };
  template <class Q>
  static void time(Apart<Q>& half, virtio::StageSide side);

  static virtio::QueueLayout layout_of(std::uint16_t size, virtio::RingFormat format);

  std::unique_ptr<std::byte[], Unmap> bytes_;
  std::vector<virtio::DriverSlot> slots_;
  Apart<Driver> driver_;
  Apart<Device> device_;
  bool good_ = false;
};

}  // namespace hawser::bench
