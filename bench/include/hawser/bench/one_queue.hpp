// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a device of one queue and nothing else is, but for what it does with requests: its service().
#pragma once

#include <hawser/virtio/device/model.hpp>
#include <hawser/virtio/queue/any.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::bench {

template <std::uint16_t kMaxSize>
class OneQueue {
 public:
  static constexpr std::uint32_t kDeviceId = 42;
  virtio::Features offered() const { return {}; }
  bool acceptable(const virtio::Features&) const { return true; }
  std::uint16_t queue_count() const { return 1; }
  std::uint16_t queue_max_size(std::uint16_t) const { return kMaxSize; }
  std::uint32_t config_size() const { return 0; }
  void read_config(std::uint32_t, std::span<std::byte>) const {}
  bool write_config(std::uint32_t, std::span<const std::byte>) { return false; }
  bool take_config_change() { return false; }
  void start(const virtio::Features&) {}
  void attach(std::uint16_t, virtio::AnyDeviceQueue<RegionMemory> queue) { queue_ = std::move(queue); }
  void detach(std::uint16_t) { queue_ = {}; }
  bool prepare_to_wait(std::uint16_t) { return queue_.arm(); }
  bool needs_reset() const { return false; }
  void stop() { queue_ = {}; }

 protected:
  virtio::AnyDeviceQueue<RegionMemory>& queue() { return queue_; }

 private:
  virtio::AnyDeviceQueue<RegionMemory> queue_;
};

}  // namespace hawser::bench
