// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Plays a string of bytes as a driver that may do anything: chains of any shape, bytes of its choice in its rings and
// buffers at any time, queues reset, the device reset with any features.
#pragma once

#include <hawser/virtio/driver/transport.hpp>

#include "support/direct_transport.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <vector>

namespace hawser::test {

inline void must(bool truth) {
  if (!truth) std::abort();
}

/// Takes numbers from a string of bytes; zeros when it has ended.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }
  unsigned byte() {
    if (bytes_.empty()) return 0;
    const unsigned value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  unsigned below(unsigned bound) { return byte() % bound; }
  unsigned word() { return byte() | byte() << 8; }
  std::uint64_t quad() {
    std::uint64_t value = 0;
    for (int n = 0; n < 8; ++n) value |= std::uint64_t{byte()} << (8 * n);
    return value;
  }
  std::vector<std::byte> take(std::size_t count) {
    count = std::min(count, bytes_.size());
    std::vector<std::byte> made(count);
    for (std::size_t n = 0; n < count; ++n) made[n] = std::byte{bytes_[n]};
    bytes_ = bytes_.subspan(count);
    return made;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

template <class Model>
class DevicePlay {
 public:
  /// `behind` is called now and then: something happens behind the device.
  template <class Behind>
  static void play(Input& input, Model& model, Behind behind) {
    DevicePlay game(model);
    game.begin(input);
    for (int steps = 0; steps < 400 && !input.done(); ++steps) {
      const auto queue = static_cast<std::uint16_t>(input.below(model.queue_count()));
      switch (input.below(10)) {
        case 0:
        case 1:
        case 2:
        case 3:
          game.submit(input, queue);
          break;
        case 4:
          game.scribble(input, queue);
          break;
        case 5:
          behind(input);
          break;
        case 6:
          game.transport_.serve_all();
          break;
        case 7:
          game.configure(input);
          break;
        case 8:
          game.restart(queue);
          break;
        case 9:
          if (input.below(4) == 0) game.begin(input);
          break;
      }
    }
    game.transport_.serve_all();
    model.stop();
    must(!model.needs_reset());
  }

 private:
  static constexpr std::uint16_t kSize = 16;

  struct Queue {
    std::vector<virtio::DriverSlot> slots = std::vector<virtio::DriverSlot>(kSize);
    virtio::AnyDriverQueue<RegionMemory> queue;
  };

  explicit DevicePlay(Model& model) : model_(model), transport_(region_, model, virtio::kQueueFeatures) {}

  void begin(Input& input) {
    virtio::Features wanted;
    for (std::size_t block = 0; block < 2; ++block)
      wanted.set_block(block, static_cast<std::uint32_t>(input.quad()));
    queues_.clear();
    if (!transport_.negotiate(wanted).ok()) {
      (void)transport_.negotiate(wanted & virtio::kQueueFeatures);
    }
    for (const auto& [at, bytes] : buffers_) region_.arena().release(at, bytes);
    buffers_.clear();
    for (std::uint16_t index = 0; index < model_.queue_count(); ++index) start(index);
    (void)transport_.start();
  }
  void start(std::uint16_t index) {
    Queue& queue = queues_[index];
    auto started = transport_.start_queue(index, kSize, queue.slots);
    if (started.ok()) queue.queue = std::move(*started);
  }
  void restart(std::uint16_t index) {
    if (transport_.reset_queue(index).ok()) start(index);
  }

  virtio::Segment buffer(std::span<const std::byte> content, std::uint32_t bytes) {
    const auto at = region_.arena().allocate(std::max(bytes, 1u));
    if (!at) return {};
    buffers_.emplace_back(*at, std::max(bytes, 1u));
    std::ranges::copy(content, region_.at(*at, bytes).begin());
    return {*at, bytes};
  }

  void submit(Input& input, std::uint16_t index) {
    std::vector<virtio::Segment> readable(input.below(4));
    for (auto& segment : readable) {
      const auto content = input.take(input.byte() % 80);
      segment = buffer(content, static_cast<std::uint32_t>(content.size()));
    }
    std::vector<virtio::Segment> writable(input.below(3));
    for (auto& segment : writable) segment = buffer({}, input.word() % 2048);
    auto& queue = queues_[index].queue;
    while (queue.try_reap().ok()) {
    }
    (void)queue.try_add(readable, writable, virtio::Token{});
    if (queue.publish()) transport_.notify(index, 0);
    transport_.serve();
  }

  void scribble(Input& input, std::uint16_t index) {
    const auto layout = transport_.layouts[index];
    const Offset areas[] = {layout.descriptors, layout.driver, layout.device};
    const auto at = areas[input.below(3)] + input.byte();
    const auto bytes = input.take(1 + input.below(16));
    if (layout.size != 0) std::ranges::copy(bytes, region_.at(at, bytes.size()).begin());
  }

  void configure(Input& input) {
    const auto at = static_cast<std::uint32_t>(input.below(20));
    std::vector<std::byte> bytes(input.below(8));
    (void)transport_.read_config(at, bytes);
    (void)transport_.write_config(at, bytes);
    (void)model_.take_config_change();
  }

  Model& model_;
  TestRegion region_{std::size_t{1} << 19};
  DirectTransport<Model> transport_;
  std::map<std::uint16_t, Queue> queues_;
  std::vector<std::pair<Offset, std::uint32_t>> buffers_;
};

}  // namespace hawser::test
