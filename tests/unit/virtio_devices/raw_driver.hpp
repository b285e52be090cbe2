// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A driver that is nothing but its queues: for giving a device whatever a test can think of.
#pragma once

#include <hawser/transport/random.hpp>
#include <hawser/virtio/driver/transport.hpp>

#include <doctest/doctest.h>

#include "support/direct_transport.hpp"

#include <map>
#include <vector>

namespace hawser::test {

template <class Model>
class RawDriver {
 public:
  using Bytes = std::vector<std::byte>;

  RawDriver(Model& model, virtio::Features wanted, virtio::Features queue_features = virtio::kQueueFeatures)
      : transport(region, model, queue_features) {
    REQUIRE(transport.negotiate(wanted).ok());
    for (std::uint16_t index = 0; index < model.queue_count(); ++index) start_queue(index);
    REQUIRE(transport.start().ok());
  }

  /// Makes a chain available without telling. Its memory is given back with the region.
  bool add(std::uint16_t index, const std::vector<Bytes>& readable,
           const std::vector<std::uint32_t>& writable) {
    std::vector<virtio::Segment> out;
    std::vector<virtio::Segment> in;
    for (const Bytes& bytes : readable) {
      const auto at = region.arena().allocate(std::max<std::size_t>(bytes.size(), 1));
      REQUIRE(at.has_value());
      if (!bytes.empty()) std::memcpy(region.at(*at, bytes.size()).data(), bytes.data(), bytes.size());
      out.push_back({*at, static_cast<std::uint32_t>(bytes.size())});
    }
    for (const std::uint32_t bytes : writable) {
      const auto at = region.arena().allocate(bytes);
      REQUIRE(at.has_value());
      std::memset(region.at(*at, bytes).data(), 0xee, bytes);
      in.push_back({*at, bytes});
      last_writable_[index] = in.back();
    }
    return queues_[index].queue.try_add(out, in, virtio::Token{}).ok();
  }
  /// The same of readable segments wherever they lie.
  bool add_segments(std::uint16_t index, std::span<const virtio::Segment> readable) {
    return queues_[index].queue.try_add(readable, {}, virtio::Token{}).ok();
  }
  void publish(std::uint16_t index) {
    if (queues_[index].queue.publish()) transport.notify(index, 0);
  }
  /// add(), publish(), and the device has looked.
  bool submit(std::uint16_t index, const std::vector<Bytes>& readable,
              const std::vector<std::uint32_t>& writable) {
    const bool added = add(index, readable, writable);
    publish(index);
    transport.serve_all();
    return added;
  }

  /// Completions since the last call.
  unsigned completed(std::uint16_t index) {
    for (unsigned count = 0;; ++count) {
      const auto reaped = queues_[index].queue.try_reap();
      if (!reaped.ok()) return count;
      last_written_[index] = reaped->written;
    }
  }
  std::uint32_t last_written(std::uint16_t index) { return last_written_[index]; }
  /// What the device wrote at the start of the last writable segment.
  Bytes last_bytes(std::uint16_t index) {
    const virtio::Segment segment = last_writable_[index];
    const auto bytes = region.at(segment.at, segment.bytes);
    return {bytes.begin(), bytes.end()};
  }
  std::uint8_t last_answer(std::uint16_t index) {
    return std::to_integer<std::uint8_t>(last_bytes(index).at(0));
  }

  /// After transport.reset_queue().
  void start_queue(std::uint16_t index) {
    const auto size = transport.queue_max_size(index);
    REQUIRE(size.ok());
    Queue& queue = queues_[index];
    queue.slots.resize(*size);
    auto started = transport.start_queue(index, *size, queue.slots);
    REQUIRE(started.ok());
    queue.queue = std::move(*started);
  }

  void restart_queue(std::uint16_t index) {
    REQUIRE(transport.reset_queue(index).ok());
    start_queue(index);
  }

  /// Random bytes somewhere in a queue's three areas.
  void scribble(std::uint16_t index, Random& random) {
    const virtio::QueueLayout& layout = transport.layouts[index];
    const Offset areas[] = {layout.descriptors, layout.driver, layout.device};
    std::byte bytes[8];
    random.fill(bytes);
    const auto at = areas[random.below(3)] + random.below(layout.size * 4u);
    std::memcpy(region.at(at, 8).data(), bytes, 1 + random.below(8));
  }

  TestRegion region{std::size_t{32} << 20};
  DirectTransport<Model> transport;

 private:
  struct Queue {
    std::vector<virtio::DriverSlot> slots;
    virtio::AnyDriverQueue<RegionMemory> queue;
  };

  std::map<std::uint16_t, Queue> queues_;
  std::map<std::uint16_t, virtio::Segment> last_writable_;
  std::map<std::uint16_t, std::uint32_t> last_written_;
};

}  // namespace hawser::test
