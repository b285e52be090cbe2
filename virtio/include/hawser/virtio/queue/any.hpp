// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Queues whose format is chosen when they are set up. The choice is one branch, always taken the same way; no
// virtual functions, no storage beside the two formats' own.
#pragma once

#include <hawser/virtio/queue/packed_device.hpp>
#include <hawser/virtio/queue/packed_driver.hpp>
#include <hawser/virtio/queue/queue.hpp>
#include <hawser/virtio/queue/split_device.hpp>
#include <hawser/virtio/queue/split_driver.hpp>
#include <hawser/virtio/queue/stage_probe.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio {

/// The device's half in either format. A default-made one is empty: it reports QueueFault::kNotSetUp and
/// touches nothing. It must not be moved or assigned to while chains are out.
template <Memory M>
class AnyDeviceQueue {
 public:
  using MemoryType = M;

  AnyDeviceQueue() = default;
  explicit AnyDeviceQueue(SplitDeviceQueue<M>&& queue) : split_(std::move(queue)) {}
  explicit AnyDeviceQueue(PackedDeviceQueue<M>&& queue)
      : packed_(std::move(queue)), format_(RingFormat::kPacked) {}

  static Result<AnyDeviceQueue, SetupError> make(M memory, const QueueLayout& layout,
                                                 const Features& negotiated) {
    if (ring_format(negotiated) == RingFormat::kPacked) {
      HAWSER_TRY(queue, PackedDeviceQueue<M>::make(std::move(memory), layout, negotiated));
      return AnyDeviceQueue(std::move(queue));
    }
    HAWSER_TRY(queue, SplitDeviceQueue<M>::make(std::move(memory), layout, negotiated));
    return AnyDeviceQueue(std::move(queue));
  }

  /// From now on, requests are timed there; null: nowhere. It outlives the queue.
  void time_by(StageProbe* probe) { probe_ = probe; }
  StageProbe* probe() const { return probe_; }

  Result<Chain, TakeError> try_take(std::span<Segment> storage) {
    if (probe_ != nullptr) return timed_take(storage);
    return packed() ? packed_.try_take(storage) : split_.try_take(storage);
  }
  std::size_t take_burst(std::span<Chain> chains, std::span<Segment> storage, std::size_t longest) {
    const std::size_t taken =
        packed() ? packed_.take_burst(chains, storage, longest) : split_.take_burst(chains, storage, longest);
    if (probe_ != nullptr) {
      for (const Chain& chain : chains.first(taken)) probe_->taken(chain.sequence());
    }
    return taken;
  }
  void complete(Chain&& chain, std::uint32_t written) {
    if (probe_ != nullptr) probe_->completed(chain.sequence());
    packed() ? packed_.complete(std::move(chain), written) : split_.complete(std::move(chain), written);
  }
  bool publish() {
    const bool wanted = packed() ? packed_.publish() : split_.publish();
    if (probe_ != nullptr) probe_->published(wanted);
    return wanted;
  }
  bool arm() {
    if (probe_ != nullptr) probe_->idle();
    return packed() ? packed_.arm() : split_.arm();
  }
  void disarm() { packed() ? packed_.disarm() : split_.disarm(); }
  QueueFault fault() const { return packed() ? packed_.fault() : split_.fault(); }
  const M& memory() const { return packed() ? packed_.memory() : split_.memory(); }
  std::uint16_t size() const { return packed() ? packed_.size() : split_.size(); }
  RingFormat format() const { return format_; }

 private:
  bool packed() const { return format_ == RingFormat::kPacked; }

  Result<Chain, TakeError> timed_take(std::span<Segment> storage) {
    auto taken = packed() ? packed_.try_take(storage) : split_.try_take(storage);
    if (taken.ok()) probe_->taken(taken->sequence());
    return taken;
  }

  SplitDeviceQueue<M> split_;
  PackedDeviceQueue<M> packed_;
  RingFormat format_ = RingFormat::kSplit;
  StageProbe* probe_ = nullptr;
};

/// The driver's half in either format. A default-made one is empty: it reports QueueFault::kNotSetUp and
/// touches nothing.
template <Memory M>
class AnyDriverQueue {
 public:
  using MemoryType = M;

  AnyDriverQueue() = default;
  explicit AnyDriverQueue(SplitDriverQueue<M>&& queue) : split_(std::move(queue)) {}
  explicit AnyDriverQueue(PackedDriverQueue<M>&& queue)
      : packed_(std::move(queue)), format_(RingFormat::kPacked) {}

  /// Clears the ring: call it before the device is told of the queue. `slots` and the tables' memory outlive
  /// the queue.
  static Result<AnyDriverQueue, SetupError> make(M memory, const QueueLayout& layout,
                                                 const Features& negotiated, std::span<DriverSlot> slots,
                                                 IndirectTables tables = {}) {
    if (ring_format(negotiated) == RingFormat::kPacked) {
      HAWSER_TRY(queue, PackedDriverQueue<M>::make(std::move(memory), layout, negotiated, slots, tables));
      return AnyDriverQueue(std::move(queue));
    }
    HAWSER_TRY(queue, SplitDriverQueue<M>::make(std::move(memory), layout, negotiated, slots, tables));
    return AnyDriverQueue(std::move(queue));
  }

  /// From now on, requests are timed there; null: nowhere. It outlives the queue.
  void time_by(StageProbe* probe) { probe_ = probe; }
  StageProbe* probe() const { return probe_; }

  Result<void, AddError> try_add(std::span<const Segment> readable, std::span<const Segment> writable,
                                 Token token) {
    const auto added =
        packed() ? packed_.try_add(readable, writable, token) : split_.try_add(readable, writable, token);
    if (probe_ != nullptr && added.ok()) probe_->added(token.value);
    return added;
  }
  bool publish() {
    const bool wanted = packed() ? packed_.publish() : split_.publish();
    if (probe_ != nullptr) probe_->published(wanted);
    return wanted;
  }
  Result<Reaped, TakeError> try_reap() {
    const auto reaped = packed() ? packed_.try_reap() : split_.try_reap();
    if (probe_ != nullptr && reaped.ok()) probe_->reaped(reaped->token.value);
    return reaped;
  }
  bool arm() {
    if (probe_ != nullptr) probe_->idle();
    return packed() ? packed_.arm() : split_.arm();
  }
  void disarm() { packed() ? packed_.disarm() : split_.disarm(); }
  std::optional<Token> reclaim() { return packed() ? packed_.reclaim() : split_.reclaim(); }
  QueueFault fault() const { return packed() ? packed_.fault() : split_.fault(); }
  const M& memory() const { return packed() ? packed_.memory() : split_.memory(); }
  std::uint16_t size() const { return packed() ? packed_.size() : split_.size(); }
  std::uint16_t in_flight() const { return packed() ? packed_.in_flight() : split_.in_flight(); }
  std::uint32_t next_offset() const { return packed() ? packed_.next_offset() : split_.next_offset(); }
  RingFormat format() const { return format_; }

 private:
  bool packed() const { return format_ == RingFormat::kPacked; }

  SplitDriverQueue<M> split_;
  PackedDriverQueue<M> packed_;
  RingFormat format_ = RingFormat::kSplit;
  StageProbe* probe_ = nullptr;
};

}  // namespace hawser::virtio
