// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device's half of a split virtqueue (VIRTIO 1.3 §2.7).
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/chain.hpp>
#include <hawser/virtio/queue/event.hpp>
#include <hawser/virtio/queue/gather.hpp>
#include <hawser/virtio/queue/layout.hpp>
#include <hawser/virtio/queue/queue.hpp>
#include <hawser/virtio/queue/split_layout.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::virtio {

/// See DeviceQueue for what the calls mean. One thread. What the driver can write is read once each time; all
/// state that decides anything is private.
template <Memory M>
class SplitDeviceQueue {
 public:
  using MemoryType = M;

  SplitDeviceQueue() = default;

  static Result<SplitDeviceQueue, SetupError> make(M memory, const QueueLayout& layout,
                                                   const Features& negotiated) {
    HAWSER_TRY(areas, open_ring(memory, layout, RingFormat::kSplit));
    SplitDeviceQueue queue;
    queue.memory_ = std::move(memory);
    queue.areas_ = areas;
    queue.size_ = layout.size;
    queue.event_index_ = negotiated.has(VIRTIO_F_EVENT_IDX);
    queue.in_order_ = negotiated.has(VIRTIO_F_IN_ORDER);
    queue.indirect_ = negotiated.has(VIRTIO_F_INDIRECT_DESC);
    queue.fault_ = QueueFault::kNone;
    return queue;
  }

  Result<Chain, TakeError> try_take(std::span<Segment> storage) {
    if (!usable()) return Err{TakeError::kBroken};
    if (taken_ == seen_) {
      // Acquire: the entries that the index covers are readable from here on. Partner: the release of the
      // index in SplitDriverQueue::publish().
      const auto index = areas_.driver.template observe<std::uint16_t>(SplitLayout::kIndex);
      const auto more = static_cast<std::uint16_t>(index - seen_);
      if (more == 0) return Err{TakeError::kNothing};
      // §2.7.13.3: never more chains out than the ring has entries. Going backwards is a huge step ahead.
      if (more > size_ - static_cast<std::uint16_t>(seen_ - completed_)) {
        return breaks(QueueFault::kAvailableIndexRanAhead);
      }
      seen_ = index;
    }
    const auto head =
        areas_.driver.template load<std::uint16_t>(SplitLayout::available(taken_ & (size_ - 1)));
    if (head >= size_) return breaks(QueueFault::kDescriptorIndexOutOfRange);
    const detail::Descriptor descriptor = read_descriptor(head);
    if (descriptor.has(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_INDIRECT))
      return take_several(head, descriptor, storage);
    detail::ChainGatherer<M> gatherer(memory_, storage);
    if (const QueueFault fault = gatherer.push(descriptor); fault != QueueFault::kNone) return breaks(fault);
    return gatherer.chain(owner_, head, 1, taken_++);
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
        put_used(completed_++, chain.id(), written);
      }
    }
    chain.release();
  }

  bool publish() {
    if (!usable() || completed_ == published_) return false;
    flush_batch();
    // Release: whoever sees the index sees the entries. Partner: the acquire in SplitDriverQueue::try_reap().
    areas_.device.template publish<std::uint16_t>(SplitLayout::kIndex, completed_);
    const std::uint16_t before = std::exchange(published_, completed_);
    // Partner: SplitDriverQueue::arm(), which asks first and looks at the index after its own fence.
    memory_.full_fence();
    if (event_index_) {
      return need_event(areas_.driver.template load<std::uint16_t>(SplitLayout::used_event(size_)),
                        completed_, before);
    }
    return (areas_.driver.template load<std::uint16_t>(SplitLayout::kFlags) & VIRTQ_AVAIL_F_NO_INTERRUPT) ==
           0;
  }

  bool arm() {
    if (!usable()) return false;
    if (taken_ != seen_) return true;
    if (event_index_) {
      areas_.device.template store<std::uint16_t>(SplitLayout::avail_event(size_), taken_);
    } else if (!std::exchange(armed_, true)) {
      areas_.device.template store<std::uint16_t>(SplitLayout::kFlags, 0);
    }
    // Partner: SplitDriverQueue::publish(), which moves the index first and looks at this request after its
    // own fence. One of the two sees the other's store, so the wake-up is not lost.
    memory_.full_fence();
    return areas_.driver.template load<std::uint16_t>(SplitLayout::kIndex) != seen_;
  }

  /// With the event index there is nothing to store: an old request to be told is not repeated by itself.
  void disarm() {
    if (!usable() || event_index_ || !std::exchange(armed_, false)) return;
    areas_.device.template store<std::uint16_t>(SplitLayout::kFlags, VIRTQ_USED_F_NO_NOTIFY);
  }

  QueueFault fault() const {
    return fault_ == QueueFault::kNone && owner_.leaked ? QueueFault::kChainNotCompleted : fault_;
  }
  const M& memory() const { return memory_; }
  std::uint16_t size() const { return size_; }

 private:
  /// Completions that one used entry can stand for (VIRTIO_F_IN_ORDER, §2.7.9): all but the last were used
  /// up completely, and only the last gets an entry, in the place of the first.
  struct Batch {
    std::uint16_t first = 0;
    std::uint16_t last_id = 0;
    std::uint32_t last_written = 0;
    bool open = false;
    bool extensible = false;
  };

  bool usable() const { return fault_ == QueueFault::kNone && !owner_.leaked; }

  Err<TakeError> breaks(QueueFault fault) {
    fault_ = fault;
    return Err{TakeError::kBroken};
  }

  detail::Descriptor read_descriptor(std::uint16_t at) const {
    const std::size_t place = std::size_t{at} * sizeof(virtq_desc);
    return detail::Descriptor::split(areas_.descriptors.template load<std::uint64_t>(place),
                                     areas_.descriptors.template load<std::uint64_t>(place + 8));
  }

  /// Apart from try_take(), which a round trip waits for: registers that only this needs would be saved for all.
  [[gnu::noinline]] Result<Chain, TakeError> take_several(std::uint16_t head, detail::Descriptor descriptor,
                                                          std::span<Segment> storage) {
    detail::ChainGatherer<M> gatherer(memory_, storage);
    if (const QueueFault fault = gather(descriptor, gatherer); fault != QueueFault::kNone)
      return breaks(fault);
    return gatherer.chain(owner_, head, 1, taken_++);
  }

  QueueFault gather(detail::Descriptor descriptor, detail::ChainGatherer<M>& gatherer) const {
    for (std::uint32_t left = size_;;) {
      if (descriptor.has(VIRTQ_DESC_F_INDIRECT)) {
        // §2.7.5.3.2: plain descriptors may come before it, nothing after it.
        return indirect_ ? gatherer.push_table(descriptor, true) : QueueFault::kIndirectNotNegotiated;
      }
      if (const QueueFault fault = gatherer.push(descriptor); fault != QueueFault::kNone) return fault;
      if (!descriptor.has(VIRTQ_DESC_F_NEXT)) return QueueFault::kNone;
      if (--left == 0) return QueueFault::kChainTooLong;
      if (descriptor.tail >= size_) return QueueFault::kDescriptorIndexOutOfRange;
      descriptor = read_descriptor(descriptor.tail);
    }
  }

  void put_used(std::uint16_t index, std::uint16_t id, std::uint32_t written) const {
    const std::size_t place = SplitLayout::used(index & (size_ - 1));
    // Two words: the area is aligned to 4 only.
    detail::store_if_changed<std::uint32_t>(areas_.device, place, id);
    detail::store_if_changed<std::uint32_t>(areas_.device, place + 4, written);
  }

  [[gnu::noinline]] void complete_in_order(const Chain& chain, std::uint32_t written) {
    if (chain.sequence() != completed_) {
      fault_ = QueueFault::kCompletedOutOfOrder;
      return;
    }
    if (!batch_.open || !batch_.extensible) {
      flush_batch();
      batch_.first = completed_;
    }
    batch_.open = true;
    batch_.last_id = chain.id();
    batch_.last_written = written;
    batch_.extensible = written == chain.writable_bytes();
    ++completed_;
  }

  void flush_batch() {
    if (std::exchange(batch_.open, false)) put_used(batch_.first, batch_.last_id, batch_.last_written);
  }

  RingAreas<M> areas_{};
  M memory_{};
  Chain::Owner owner_;
  std::uint16_t size_ = 0;
  std::uint16_t seen_ = 0;       ///< The driver's index as last accepted.
  std::uint16_t taken_ = 0;      ///< Chains handed out.
  std::uint16_t completed_ = 0;  ///< Chains that came back.
  std::uint16_t published_ = 0;  ///< Of these, shown to the driver.
  QueueFault fault_ = QueueFault::kNotSetUp;
  bool event_index_ = false;
  bool in_order_ = false;
  bool indirect_ = false;
  bool armed_ =
      true;  ///< What our flags in the ring say (without the event index); zeroed memory means armed.
  Batch batch_;
};

}  // namespace hawser::virtio
