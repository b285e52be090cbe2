// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A DriverTransport that calls the device model itself: both halves in one thread, one region, no messages.
// Stricter than reality where that finds bugs: a queue is served only when the driver rang for it (or the model
// asked to be looked at again), the driver wakes only when it asked to, and time passes only inside wait().
#pragma once

#include <hawser/virtio/device/model.hpp>
#include <hawser/virtio/driver/transport.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>
#include <hawser/virtio/queue/layout.hpp>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace hawser::test {

/// Page-aligned zeroed bytes that both halves see, and an arena over all of them.
class TestRegion {
 public:
  explicit TestRegion(std::size_t bytes = std::size_t{4} << 20)
      : bytes_(static_cast<std::byte*>(std::aligned_alloc(4096, bytes)), &std::free),
        size_(bytes),
        bitmap_(virtio::Arena::bitmap_words(bytes)),
        arena_(Offset(0), bytes, bitmap_) {
    std::memset(bytes_.get(), 0, bytes);
  }

  RegionMemory memory() const { return RegionMemory(bytes()); }
  virtio::Arena& arena() { return arena_; }
  std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }
  std::span<std::byte> at(Offset offset, std::size_t count) const {
    return bytes().subspan(offset.bytes(), count);
  }

 private:
  std::unique_ptr<std::byte, void (*)(void*)> bytes_;
  std::size_t size_;
  std::vector<std::uint64_t> bitmap_;
  virtio::Arena arena_;
};

template <virtio::DeviceModel<RegionMemory> Model>
class DirectTransport {
 public:
  using MemoryType = RegionMemory;

  /// What the queues may do; the device's own features come from the model.
  DirectTransport(TestRegion& region, Model& model, virtio::Features ring_features = {})
      : region_(region), model_(&model), ring_features_(ring_features) {
    ring_features_.set(virtio::VIRTIO_F_VERSION_1);
  }
  ~DirectTransport() {
    model_->stop();
    free_rings();
  }
  DirectTransport(const DirectTransport&) = delete;
  DirectTransport& operator=(const DirectTransport&) = delete;

  // --- DriverTransport ---

  std::uint32_t device_id() const { return Model::kDeviceId; }

  Result<virtio::Features, virtio::TransportError> negotiate(virtio::Features wanted) {
    if (down_) return Err{virtio::TransportError::kLinkDown};
    HAWSER_CHECK(reset());
    failed = false;
    wanted.set(virtio::VIRTIO_F_VERSION_1);
    const virtio::Features agreed = wanted & (model_->offered() | ring_features_);
    if (!model_->acceptable(agreed)) return Err{virtio::TransportError::kRefusedFeatures};
    negotiated_ = agreed;
    agreed_ = true;
    return agreed;
  }

  Result<void, virtio::TransportError> read_config(std::uint32_t at, std::span<std::byte> out) {
    if (down_) return Err{virtio::TransportError::kLinkDown};
    early_reads += agreed_ ? 0 : 1;
    if (!in_config(at, out.size())) return Err{virtio::TransportError::kOutOfRange};
    model_->read_config(at, out);
    return {};
  }
  Result<void, virtio::TransportError> write_config(std::uint32_t at, std::span<const std::byte> in) {
    if (down_) return Err{virtio::TransportError::kLinkDown};
    if (!in_config(at, in.size())) return Err{virtio::TransportError::kOutOfRange};
    if (!model_->write_config(at, in)) return Err{virtio::TransportError::kNotPossible};
    return {};
  }

  Result<std::uint16_t, virtio::TransportError> queue_max_size(std::uint16_t index) {
    if (down_) return Err{virtio::TransportError::kLinkDown};
    return index < model_->queue_count() ? model_->queue_max_size(index) : std::uint16_t{0};
  }

  Result<virtio::AnyDriverQueue<RegionMemory>, virtio::TransportError> start_queue(
      std::uint16_t index, std::uint16_t size, std::span<virtio::DriverSlot> slots) {
    if (down_) return Err{virtio::TransportError::kLinkDown};
    if (index >= model_->queue_count()) return Err{virtio::TransportError::kNoSuchQueue};
    if (size == 0 || size > model_->queue_max_size(index) || rings_.contains(index)) {
      return Err{virtio::TransportError::kQueueRefused};
    }
    Ring& ring = rings_[index];
    const virtio::RingShape shape = virtio::ring_bytes(virtio::ring_format(negotiated_), size);
    const virtio::IndirectTables tables{take(ring, virtio::IndirectTables::bytes(size, kTableEntries), 16),
                                        kTableEntries};
    const virtio::QueueLayout layout{size, take(ring, shape.descriptors.bytes, 64),
                                     take(ring, shape.driver.bytes, 64), take(ring, shape.device.bytes, 64)};
    if (ring.failed) return Err{virtio::TransportError::kNoMemory};
    auto driver = virtio::AnyDriverQueue<RegionMemory>::make(memory(), layout, negotiated_, slots, tables);
    if (!driver.ok()) return Err{virtio::TransportError::kQueueRefused};
    auto device = virtio::AnyDeviceQueue<RegionMemory>::make(memory(), layout, negotiated_);
    if (!device.ok()) return Err{virtio::TransportError::kQueueRefused};
    layouts[index] = layout;
    model_->attach(index, std::move(*device));
    return std::move(*driver);
  }

  Result<void, virtio::TransportError> start() {
    if (down_) return Err{virtio::TransportError::kLinkDown};
    model_->start(negotiated_);
    for (const auto& [index, ring] : rings_) due_.insert(index);
    serve();
    return {};
  }

  void notify(std::uint16_t index, std::uint32_t) {
    ++notifications;
    if (!down_) due_.insert(index);
  }

  Result<void, virtio::TransportError> reset_queue(std::uint16_t index) {
    if (down_) return Err{virtio::TransportError::kLinkDown};
    if (!negotiated_.has(virtio::VIRTIO_F_RING_RESET)) return Err{virtio::TransportError::kNotPossible};
    model_->detach(index);
    free_ring(index);
    return {};
  }

  Result<void, virtio::TransportError> reset() {
    if (down_) return Err{virtio::TransportError::kLinkDown};
    if (ignores_reset) return Err{virtio::TransportError::kTimeout};
    model_->stop();
    agreed_ = false;
    free_rings();
    due_.clear();
    rung_ = false;
    return {};
  }

  void fail() {
    if (!down_) failed = true;
  }

  bool take_config_change() { return !down_ && model_->take_config_change(); }
  bool needs_reset() const { return !down_ && model_->needs_reset(); }
  virtio::Arena& arena() { return region_.arena(); }
  RegionMemory memory() const { return region_.memory(); }
  Instant now() const { return now_; }

  Wake wait(Instant until) {
    ++waits;
    serve();
    if (!rung_ && on_idle && on_idle()) {
      now_ = now_ + milliseconds(1);  // real time passed in there; ours must not stand still
      serve_all();
      if (!rung_) return Wake::kRung;
    }
    if (std::exchange(rung_, false)) return Wake::kRung;
    now_ = std::max(now_, until);
    return Wake::kTimeout;
  }

  // --- for tests ---

  /// Lets the device look at the queues it was told of, until there is nothing left to do.
  void serve() {
    while (!down_ && !due_.empty()) {
      const std::uint16_t index = *due_.begin();
      due_.erase(due_.begin());
      virtio::Work work;
      do {
        work = model_->service(index);
        rung_ = rung_ || work.notify;
        interrupts += work.notify ? 1 : 0;
      } while (work.more || model_->prepare_to_wait(index));
    }
  }

  /// As serve(), for all queues: something behind the device (its backend) has become ready.
  void serve_all() {
    for (const auto& [index, ring] : rings_) due_.insert(index);
    serve();
  }

  /// The device dies: what it held is gone, calls fail with kLinkDown until revive(). Its rings stay where they
  /// are until the next negotiate(), as they would in a region.
  void kill() {
    model_->stop();
    due_.clear();
    rung_ = false;
    down_ = true;
  }
  void revive() { down_ = false; }
  void revive(Model& other) {
    model_ = &other;
    down_ = false;
  }

  bool down() const { return down_; }
  virtio::Features negotiated() const { return negotiated_; }
  void pass(Duration time) { now_ = now_ + time; }

  /// Called when the driver waits and nothing is to be done; true: something may have happened behind the device.
  std::function<bool()> on_idle;

  std::map<std::uint16_t, virtio::QueueLayout> layouts;  ///< Of the queues as last started.
  bool failed = false;                                   ///< The driver has given up.
  bool ignores_reset = false;  ///< reset() and negotiate() end as kTimeout, and the device goes on.
  unsigned early_reads = 0;    ///< Of the configuration, before features were agreed.
  unsigned notifications = 0;
  unsigned interrupts = 0;
  unsigned waits = 0;

 private:
  static constexpr std::uint16_t kTableEntries = 16;

  struct Ring {
    std::vector<virtio::Segment> pieces;
    bool failed = false;
  };

  Offset take(Ring& ring, std::uint64_t bytes, std::uint64_t align) {
    const std::optional<Offset> at = arena().allocate(bytes, align);
    if (at) {
      ring.pieces.push_back({*at, static_cast<std::uint32_t>(bytes)});
    } else {
      ring.failed = true;
    }
    return at.value_or(Offset(0));
  }
  void free_ring(std::uint16_t index) {
    for (const virtio::Segment& piece : rings_[index].pieces) arena().release(piece.at, piece.bytes);
    rings_.erase(index);
  }
  void free_rings() {
    while (!rings_.empty()) free_ring(rings_.begin()->first);
  }
  bool in_config(std::uint32_t at, std::size_t bytes) const {
    return at <= model_->config_size() && bytes <= model_->config_size() - at;
  }

  TestRegion& region_;
  Model* model_;
  virtio::Features ring_features_;
  virtio::Features negotiated_;
  std::map<std::uint16_t, Ring> rings_;
  std::set<std::uint16_t> due_;
  Instant now_{1};
  bool agreed_ = false;
  bool rung_ = false;
  bool down_ = false;
};

}  // namespace hawser::test
