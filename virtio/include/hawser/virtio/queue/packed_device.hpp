// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device's half of a packed virtqueue (VIRTIO 1.3 §2.8).
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/chain.hpp>
#include <hawser/virtio/queue/gather.hpp>
#include <hawser/virtio/queue/layout.hpp>
#include <hawser/virtio/queue/packed_position.hpp>
#include <hawser/virtio/queue/packed_suppression.hpp>
#include <hawser/virtio/queue/queue.hpp>

#include <cstdint>
#include <span>
#include <utility>

namespace hawser::virtio {

/// See DeviceQueue for what the calls mean. One thread. Completions are written as they come, except the word
/// that hands the first of them over: the driver looks at nothing behind that one, so publish() shows all at
/// once.
template <Memory M>
class PackedDeviceQueue {
 public:
  using MemoryType = M;

  PackedDeviceQueue() = default;

  static Result<PackedDeviceQueue, SetupError> make(M memory, const QueueLayout& layout,
                                                    const Features& negotiated) {
    HAWSER_TRY(areas, open_ring(memory, layout, RingFormat::kPacked));
    PackedDeviceQueue queue;
    queue.ring_ = areas.descriptors;
    queue.suppression_ = {areas.device, areas.driver, layout.size, negotiated.has(VIRTIO_F_EVENT_IDX)};
    queue.memory_ = std::move(memory);
    queue.size_ = layout.size;
    queue.in_order_ = negotiated.has(VIRTIO_F_IN_ORDER);
    queue.indirect_ = negotiated.has(VIRTIO_F_INDIRECT_DESC);
    queue.fault_ = QueueFault::kNone;
    return queue;
  }

  Result<Chain, TakeError> try_take(std::span<Segment> storage) {
    if (!usable()) return Err{TakeError::kBroken};
    // Acquire: the descriptor's address, the rest of the chain and its buffers are readable from here on. The
    // word is one load, so it carries everything that its writer stored before the flags. Partner: the
    // release of a head descriptor in PackedDriverQueue::publish().
    const auto high = ring_.template observe<std::uint64_t>(take_.high());
    if (!take_.available(static_cast<std::uint16_t>(high >> 48))) return Err{TakeError::kNothing};
    if (held_ == size_) return breaks(QueueFault::kAvailableIndexRanAhead);
    const auto descriptor = detail::Descriptor::packed(ring_.template load<std::uint64_t>(take_.low()), high);
    if (descriptor.has(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_INDIRECT)) [[unlikely]]
      return take_several(descriptor, storage);
    detail::ChainGatherer<M> gatherer(memory_, storage);
    if (const QueueFault fault = gatherer.push(descriptor); fault != QueueFault::kNone) return breaks(fault);
    return taken(gatherer, descriptor.tail, 1);
  }

  std::size_t take_burst(std::span<Chain> chains, std::span<Segment> storage, std::size_t longest) {
    return detail::take_burst(*this, chains, storage, longest);
  }

  void complete(Chain&& chain, std::uint32_t written) {
    if (chain.owner() != &owner_) {
      if (fault_ == QueueFault::kNone) fault_ = QueueFault::kChainOfAnotherQueue;
      const Chain lost(std::move(chain));
      return;
    }
    if (usable()) {
      if (in_order_) {
        complete_in_order(chain, written);
      } else {
        put_used(chain.id(), chain.slots(), written);
      }
    }
    chain.release();
  }

  bool publish() {
    if (!usable()) return false;
    flush_batch();
    if (step_ == 0) return false;
    // Release: whoever sees this descriptor used sees the ones behind it and the buffers. Partner: the
    // acquire in PackedDriverQueue::try_reap().
    ring_.template publish<std::uint64_t>(first_at_, first_word_);
    held_ = static_cast<std::uint16_t>(held_ - step_);
    // Partner: PackedDriverQueue::arm(), which asks first and looks at its descriptor after its own fence.
    memory_.full_fence();
    return suppression_.wanted(use_, std::exchange(step_, std::uint16_t{0}));
  }

  bool arm() {
    if (!usable()) return false;
    suppression_.ask(take_);
    // Partner: PackedDriverQueue::publish(), which makes its descriptor available first and looks at this
    // request after its own fence. One of the two sees the other's store, so the wake-up is not lost.
    memory_.full_fence();
    return take_.available(
        static_cast<std::uint16_t>(ring_.template load<std::uint64_t>(take_.high()) >> 48));
  }

  void disarm() {
    if (usable()) suppression_.ask_nothing();
  }

  QueueFault fault() const {
    return fault_ == QueueFault::kNone && owner_.leaked ? QueueFault::kChainNotCompleted : fault_;
  }
  const M& memory() const { return memory_; }
  std::uint16_t size() const { return size_; }

 private:
  /// See SplitDeviceQueue::Batch; the one used descriptor skips over all the slots (§2.8.8).
  struct Batch {
    std::uint16_t last_id = 0;
    std::uint16_t slots = 0;  ///< 0: no batch is open.
    std::uint32_t last_written = 0;
    bool extensible = false;
  };

  bool usable() const { return fault_ == QueueFault::kNone && !owner_.leaked; }

  Err<TakeError> breaks(QueueFault fault) {
    fault_ = fault;
    return Err{TakeError::kBroken};
  }

  Chain taken(const detail::ChainGatherer<M>& gatherer, std::uint16_t id, std::uint16_t slots) {
    take_.advance(slots, size_);
    held_ = static_cast<std::uint16_t>(held_ + slots);
    return gatherer.chain(owner_, id, slots, taken_++);
  }

  /// Apart from try_take(), which a round trip waits for: registers that only this needs would be saved for all.
  [[gnu::noinline]] Result<Chain, TakeError> take_several(detail::Descriptor head,
                                                          std::span<Segment> storage) {
    detail::ChainGatherer<M> gatherer(memory_, storage);
    std::uint16_t slots = 1;
    if (const QueueFault fault = gather(head, slots, gatherer); fault != QueueFault::kNone)
      return breaks(fault);
    return taken(gatherer, head.tail, slots);
  }

  /// A chain of several descriptors or an indirect one. `descriptor` is the head and becomes the last, which
  /// is the one that carries the id (§2.8.6); `slots` becomes the number of ring slots.
  QueueFault gather(detail::Descriptor& descriptor, std::uint16_t& slots,
                    detail::ChainGatherer<M>& gatherer) const {
    detail::PackedPosition at = take_;
    for (slots = 1;; ++slots) {
      if (descriptor.has(VIRTQ_DESC_F_INDIRECT)) {
        // §2.8.19: an indirect descriptor stands alone.
        if (slots != 1) return QueueFault::kIndirectWithNext;
        return indirect_ ? gatherer.push_table(descriptor, false) : QueueFault::kIndirectNotNegotiated;
      }
      if (const QueueFault fault = gatherer.push(descriptor); fault != QueueFault::kNone) return fault;
      if (!descriptor.has(VIRTQ_DESC_F_NEXT)) return QueueFault::kNone;
      if (slots == size_ - held_) return QueueFault::kChainNeverEnds;  // the rest of the ring is ours
      at.advance(1, size_);
      const auto low = ring_.template load<std::uint64_t>(at.low());
      descriptor = detail::Descriptor::packed(low, ring_.template load<std::uint64_t>(at.high()));
      if (!at.available(descriptor.flags)) return QueueFault::kChainNeverEnds;
    }
  }

  /// Marks the descriptor at the front as used, for `slots` slots.
  void put_used(std::uint16_t id, std::uint16_t slots, std::uint32_t written) {
    const std::uint16_t write = written != 0 ? VIRTQ_DESC_F_WRITE : 0;
    const std::uint64_t word =
        detail::packed_word(written, id, static_cast<std::uint16_t>(use_.used_flags() | write));
    if (step_ == 0) {
      first_at_ = use_.high();
      first_word_ = word;
    } else {
      ring_.template store<std::uint64_t>(use_.high(), word);
    }
    use_.advance(slots, size_);
    step_ = static_cast<std::uint16_t>(step_ + slots);
  }

  [[gnu::noinline]] void complete_in_order(const Chain& chain, std::uint32_t written) {
    if (chain.sequence() != completed_) {
      fault_ = QueueFault::kCompletedOutOfOrder;
      return;
    }
    ++completed_;
    if (!batch_.extensible) flush_batch();
    batch_.last_id = chain.id();
    batch_.slots = static_cast<std::uint16_t>(batch_.slots + chain.slots());
    batch_.last_written = written;
    batch_.extensible = written == chain.writable_bytes();
  }

  void flush_batch() {
    if (batch_.slots == 0) return;
    put_used(batch_.last_id, batch_.slots, batch_.last_written);
    batch_ = Batch{};
  }

  typename M::Area ring_{};
  M memory_{};
  Chain::Owner owner_;
  detail::PackedPosition take_;  ///< The next descriptor to become available.
  detail::PackedPosition use_;   ///< The next descriptor to mark as used.
  std::uint16_t size_ = 0;
  std::uint16_t held_ = 0;       ///< Slots that are ours: taken, and not given back by publish().
  std::uint16_t step_ = 0;       ///< Slots marked as used since publish().
  std::uint16_t taken_ = 0;      ///< Chains handed out.
  std::uint16_t completed_ = 0;  ///< In order: chains that came back.
  QueueFault fault_ = QueueFault::kNotSetUp;
  bool in_order_ = false;
  bool indirect_ = false;
  std::size_t first_at_ = 0;      ///< Where the withheld word goes,
  std::uint64_t first_word_ = 0;  ///< and what it is.
  Batch batch_;
  detail::PackedSuppression<typename M::Area> suppression_;
};

}  // namespace hawser::virtio
