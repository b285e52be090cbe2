// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device model as small as one can be: two queues that answer each request with its own bytes, and a configuration
// space whose first eight bytes the driver may write.
#pragma once

#include <hawser/virtio/device/model.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace hawser::test {

class ToyDevice {
 public:
  static constexpr std::uint32_t kDeviceId = 42;
  static constexpr std::uint16_t kQueues = 2;
  static constexpr unsigned kFeatureA = 3;
  static constexpr unsigned kFeatureB = 70;       // in the third block
  static constexpr unsigned kFeatureNeedsB = 71;  // not acceptable without B
  static constexpr std::uint32_t kWritable = 8;

  explicit ToyDevice(std::size_t config_bytes = 40) : config(config_bytes) {
    for (std::size_t i = 0; i < config.size(); ++i) config[i] = static_cast<std::byte>(i);
  }

  virtio::Features offered() const {
    return virtio::Features{kFeatureA, kFeatureB, kFeatureNeedsB} | also_offered;
  }
  bool acceptable(const virtio::Features& f) const { return !f.has(kFeatureNeedsB) || f.has(kFeatureB); }
  std::uint16_t queue_count() const { return kQueues; }
  std::uint16_t queue_max_size(std::uint16_t queue) const { return queue < kQueues ? max_size : 0; }

  std::uint32_t config_size() const { return static_cast<std::uint32_t>(config.size()); }
  void read_config(std::uint32_t at, std::span<std::byte> out) const {
    std::memcpy(out.data(), config.data() + at, out.size());
    ++config_reads;
    if (changes_at_each_read) config_changed = true;
  }
  bool write_config(std::uint32_t at, std::span<const std::byte> in) {
    if (at + in.size() > kWritable) return false;
    std::memcpy(config.data() + at, in.data(), in.size());
    return true;
  }
  bool take_config_change() { return std::exchange(config_changed, false); }

  void start(const virtio::Features& features) {
    started = true;
    negotiated = features;
  }
  void attach(std::uint16_t queue, virtio::AnyDeviceQueue<RegionMemory> made) {
    queues[queue] = std::move(made);
  }
  void detach(std::uint16_t queue) { queues[queue] = {}; }

  virtio::Work service(std::uint16_t index) {
    auto& queue = queues[index];
    virtio::Work work;
    std::array<virtio::Segment, 16> segments;
    for (unsigned n = 0; n < 4; ++n) {
      auto chain = queue.try_take(segments);
      if (!chain.ok()) {
        if (chain.error() == virtio::TakeError::kBroken) broken = true;
        work.notify = queue.publish();
        return work;
      }
      virtio::ChainReader reader(queue.memory(), *chain);
      virtio::ChainWriter writer(queue.memory(), *chain);
      std::array<std::byte, 64> bytes;
      const auto n_read = reader.read_some(bytes);
      std::uint32_t written = 0;
      if (n_read.ok()) {
        const auto n_written = writer.write_some(std::span(bytes).first(*n_read));
        if (n_written.ok()) written = static_cast<std::uint32_t>(*n_written);
      }
      queue.complete(std::move(*chain), written);
      ++served;
    }
    work.notify = queue.publish();
    work.more = true;
    return work;
  }
  bool prepare_to_wait(std::uint16_t queue) { return queues[queue].arm(); }
  bool needs_reset() const { return broken; }
  void stop() {
    queues = {};
    started = false;
    broken = false;
    ++stops;
  }

  std::vector<std::byte> config;
  mutable bool config_changed = false;
  bool changes_at_each_read = false;
  mutable unsigned config_reads = 0;
  std::uint16_t max_size = 16;
  virtio::Features also_offered;
  virtio::Features negotiated;
  std::array<virtio::AnyDeviceQueue<RegionMemory>, kQueues> queues;
  bool started = false;
  bool broken = false;
  unsigned served = 0;
  unsigned stops = 0;
};

static_assert(virtio::DeviceModel<ToyDevice, RegionMemory>);

}  // namespace hawser::test
