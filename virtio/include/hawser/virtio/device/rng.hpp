// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device half of an entropy device (VIRTIO 1.3 §5.4).
#pragma once

#include <hawser/virtio/device/model.hpp>
#include <hawser/virtio/queue/chain_io.hpp>
#include <hawser/virtio/spec.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::virtio::device {

/// Where the randomness comes from. fill() returns how many bytes at the front of `out` it filled; zero: none now.
/// Whoever gives it to an entropy device vouches that they are unpredictable: a generator with a seed that somebody
/// else knows must not be passed off as one.
template <class S>
concept EntropySource = requires(S& source, std::span<std::byte> out) {
  { source.fill(out) } -> std::same_as<std::size_t>;
};

/// A DeviceModel over memory M. A request gets at most kMostBytes: the driver asks again for more (§5.4.6.1 promises
/// it no more than one byte). While the source has nothing, the request waits; serve the queue when it has again.
template <Memory M, EntropySource Source>
class Rng {
 public:
  static constexpr std::uint32_t kDeviceId = VIRTIO_ID_ENTROPY;
  static constexpr std::uint64_t kMostBytes = 4096;
  static constexpr std::size_t kSegments = 32;

  /// The source outlives the device.
  explicit Rng(Source& source, std::uint16_t queue_size = 64) : source_(source), queue_size_(queue_size) {}
  ~Rng() { stop(); }
  Rng(const Rng&) = delete;
  Rng& operator=(const Rng&) = delete;

  Features offered() const { return {VIRTIO_F_IN_ORDER}; }
  bool acceptable(Features) const { return true; }
  std::uint16_t queue_count() const { return 1; }
  std::uint16_t queue_max_size(std::uint16_t) const { return queue_size_; }
  std::uint32_t config_size() const { return 0; }
  void read_config(std::uint32_t, std::span<std::byte>) const {}
  bool write_config(std::uint32_t, std::span<const std::byte>) { return false; }
  bool take_config_change() { return false; }

  void start(Features) { started_ = true; }
  void attach(std::uint16_t index, AnyDeviceQueue<M> queue) {
    detach(index);
    queue_ = std::move(queue);
    attached_ = true;
  }
  void detach(std::uint16_t) {
    chain_ = Chain();  // before its queue
    queue_ = AnyDeviceQueue<M>{};
    attached_ = false;
  }

  Work service(std::uint16_t) {
    if (!started_ || !attached_) return {};
    queue_.disarm();
    unsigned left = kBurst;
    while (left != 0) {
      if (!chain_.held()) {
        auto chain = queue_.try_take(segments_);
        if (!chain.ok()) break;
        chain_ = std::move(*chain);
      }
      if (!answer()) break;
      --left;
    }
    return {.more = left == 0, .notify = queue_.publish()};
  }

  bool prepare_to_wait(std::uint16_t) {
    if (!started_ || !attached_ || chain_.held()) return false;
    return queue_.arm();
  }

  bool needs_reset() const { return attached_ && queue_.fault() != QueueFault::kNone; }
  QueueFault fault() const { return attached_ ? queue_.fault() : QueueFault::kNone; }

  void stop() {
    started_ = false;
    detach(0);
  }

  std::uint64_t bytes_given() const { return bytes_given_; }

 private:
  static constexpr unsigned kBurst = 16;

  /// False: the source has nothing now. Requests without room end with nothing.
  bool answer() {
    ChainWriter<M> writer(queue_.memory(), chain_);
    const std::uint64_t wanted = std::min(writer.remaining(), kMostBytes);
    std::uint64_t done = 0;
    while (done < wanted) {
      std::array<std::byte, 256> bytes;
      const auto now =
          std::span(bytes).first(static_cast<std::size_t>(std::min<std::uint64_t>(wanted - done, 256)));
      const std::size_t got = std::min(source_.fill(now), now.size());
      if (got == 0 || !writer.write(now.first(got)).ok()) break;
      done += got;
    }
    if (done == 0 && wanted != 0) return false;
    bytes_given_ += done;
    queue_.complete(std::move(chain_), static_cast<std::uint32_t>(done));
    return true;
  }

  Source& source_;
  AnyDeviceQueue<M> queue_;
  std::array<Segment, kSegments> segments_{};
  Chain chain_;  ///< Taken, and waiting for the source.
  std::uint64_t bytes_given_ = 0;
  std::uint16_t queue_size_;
  bool attached_ = false;
  bool started_ = false;
};

}  // namespace hawser::virtio::device
