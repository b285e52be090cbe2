// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device without a will of its own: it offers what a test says and answers chains when and as a test says, also
// with lies.
#pragma once

#include <hawser/virtio/device/model.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

namespace hawser::test {

template <std::uint32_t kId>
class PuppetDevice {
 public:
  static constexpr std::uint32_t kDeviceId = kId;

  explicit PuppetDevice(std::uint16_t queues) : queues_(queues) {}

  virtio::Features features;
  virtio::Features queue_features;
  std::vector<std::byte> config;
  std::function<void(std::uint16_t)> on_service;
  bool config_changed = false;
  bool reset_wanted = false;
  bool wanted = false;  ///< The driver wants to be told of the last read().

  /// Takes the next chain of a queue, writes `bytes` to it as far as they fit, and completes it with a claim of
  /// `written`. False: there is no chain.
  bool answer(std::uint16_t index, std::span<const std::byte> bytes, std::uint32_t written) {
    std::vector<virtio::Segment> storage(512);
    auto chain = queues_[index].try_take(storage);
    if (!chain.ok()) return false;
    virtio::ChainWriter<RegionMemory> writer(queues_[index].memory(), *chain);
    (void)writer.write_some(bytes);
    queues_[index].complete(std::move(*chain), written);
    (void)queues_[index].publish();
    return true;
  }

  /// Takes the next chain of a queue, completes it as `written` 0; what was in it.
  std::optional<std::vector<std::byte>> read(std::uint16_t index) {
    std::vector<virtio::Segment> storage(512);
    auto chain = queues_[index].try_take(storage);
    if (!chain.ok()) return std::nullopt;
    std::vector<std::byte> bytes(chain->readable_bytes());
    virtio::ChainReader<RegionMemory> reader(queues_[index].memory(), *chain);
    if (!bytes.empty()) (void)reader.read(bytes);
    queues_[index].complete(std::move(*chain), 0);
    wanted = queues_[index].publish();
    return bytes;
  }

  /// What the next chain of a queue says, answered with `bytes`.
  std::optional<std::vector<std::byte>> read_then_answer(std::uint16_t index,
                                                         std::span<const std::byte> answer) {
    std::vector<virtio::Segment> storage(512);
    auto chain = queues_[index].try_take(storage);
    if (!chain.ok()) return std::nullopt;
    std::vector<std::byte> said(chain->readable_bytes());
    virtio::ChainReader<RegionMemory> reader(queues_[index].memory(), *chain);
    if (!said.empty()) (void)reader.read(said);
    virtio::ChainWriter<RegionMemory> writer(queues_[index].memory(), *chain);
    (void)writer.write_some(answer);
    queues_[index].complete(std::move(*chain), static_cast<std::uint32_t>(answer.size()));
    (void)queues_[index].publish();
    return said;
  }

  /// Bytes that the next chain of a queue holds for reading and for writing. It is completed, unpublished.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> directions(std::uint16_t index) {
    std::vector<virtio::Segment> storage(512);
    auto chain = queues_[index].try_take(storage);
    if (!chain.ok()) return std::nullopt;
    const std::pair sizes{chain->readable_bytes(), chain->writable_bytes()};
    queues_[index].complete(std::move(*chain), 0);
    return sizes;
  }

  // --- DeviceModel ---

  virtio::Features offered() const { return features; }
  bool acceptable(const virtio::Features&) const { return true; }
  std::uint16_t queue_count() const { return static_cast<std::uint16_t>(queues_.size()); }
  std::uint16_t queue_max_size(std::uint16_t) const { return 256; }
  std::uint32_t config_size() const { return static_cast<std::uint32_t>(config.size()); }
  void read_config(std::uint32_t at, std::span<std::byte> out) const {
    std::memcpy(out.data(), config.data() + at, out.size());
  }
  bool write_config(std::uint32_t at, std::span<const std::byte> in) {
    std::memcpy(config.data() + at, in.data(), in.size());
    return true;
  }
  bool take_config_change() { return std::exchange(config_changed, false); }
  void start(const virtio::Features&) {}
  void attach(std::uint16_t index, virtio::AnyDeviceQueue<RegionMemory>&& queue) {
    queues_[index] = std::move(queue);
  }
  void detach(std::uint16_t index) { queues_[index] = {}; }
  virtio::Work service(std::uint16_t index) {
    if (on_service) on_service(index);
    return {.more = false, .notify = true};
  }
  bool prepare_to_wait(std::uint16_t) { return false; }
  bool needs_reset() const { return reset_wanted; }
  void stop() {
    for (auto& queue : queues_) queue = {};
  }

 private:
  std::vector<virtio::AnyDeviceQueue<RegionMemory>> queues_;
};

}  // namespace hawser::test
