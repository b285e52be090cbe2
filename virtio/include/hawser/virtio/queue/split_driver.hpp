// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver's half of a split virtqueue (VIRTIO 1.3 §2.7).
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/event.hpp>
#include <hawser/virtio/queue/flight.hpp>
#include <hawser/virtio/queue/indirect.hpp>
#include <hawser/virtio/queue/layout.hpp>
#include <hawser/virtio/queue/queue.hpp>
#include <hawser/virtio/queue/request.hpp>
#include <hawser/virtio/queue/split_layout.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio {

/// See DriverQueue for what the calls mean. One thread. What decides anything is never read back from the
/// ring: which descriptors belong together is remembered in the slots.
template <Memory M>
class SplitDriverQueue {
 public:
  using MemoryType = M;

  SplitDriverQueue() = default;

  /// Clears the ring: call it before the device is told of the queue.
  static Result<SplitDriverQueue, SetupError> make(M memory, const QueueLayout& layout,
                                                   const Features& negotiated, std::span<DriverSlot> slots,
                                                   IndirectTables tables = {}) {
    HAWSER_TRY(areas, open_ring(memory, layout, RingFormat::kSplit));
    if (slots.size() < layout.size) return Err{SetupError::kTooFewSlots};
    if (!negotiated.has(VIRTIO_F_INDIRECT_DESC)) tables.entries = 0;
    HAWSER_TRY(table_area, detail::open_tables(memory, tables, layout.size));
    detail::clear(areas.descriptors);
    detail::clear(areas.driver);
    detail::clear(areas.device);
    SplitDriverQueue queue;
    queue.memory_ = std::move(memory);
    queue.areas_ = areas;
    queue.table_area_ = table_area;
    queue.tables_ = tables;
    queue.flight_ = detail::FlightTable(slots, layout.size);
    queue.free_ = layout.size;
    queue.last_free_ = static_cast<std::uint16_t>(layout.size - 1);
    queue.event_index_ = negotiated.has(VIRTIO_F_EVENT_IDX);
    queue.in_order_ = negotiated.has(VIRTIO_F_IN_ORDER);
    queue.notification_data_ = negotiated.has(VIRTIO_F_NOTIFICATION_DATA);
    queue.fault_ = QueueFault::kNone;
    return queue;
  }

  Result<void, AddError> try_add(std::span<const Segment> readable, std::span<const Segment> writable,
                                 Token token) {
    if (fault_ != QueueFault::kNone) return Err{AddError::kBroken};
    const detail::Request request(readable, writable);
    const std::size_t segments = request.segments();
    if (segments == 1) [[likely]]
      return add_only(request[0], readable.empty(), token);
    if (segments == 0) return Err{AddError::kEmpty};
    const std::uint64_t writable_bytes = request.writable_bytes();
    if (request.readable_bytes() + writable_bytes > UINT32_MAX) return Err{AddError::kTooLong};
    const bool indirect = segments > 1 && segments <= tables_.entries;
    if (!indirect && segments > size()) return Err{AddError::kTooLong};
    const auto needed = static_cast<std::uint16_t>(indirect ? 1 : segments);
    if (needed > free_) return Err{AddError::kFull};

    const std::uint16_t head = next_free_;
    next_free_ = indirect ? put_indirect(head, request) : put_chain(head, request);
    free_ = static_cast<std::uint16_t>(free_ - needed);
    enter(head, token, writable_bytes, needed);
    return {};
  }

  bool publish() {
    if (fault_ != QueueFault::kNone || added_ == published_) return false;
    // Release: whoever sees the index sees the entries and descriptors. Partner: the acquire of the index in
    // SplitDeviceQueue::try_take().
    areas_.driver.template publish<std::uint16_t>(SplitLayout::kIndex, added_);
    const std::uint16_t before = std::exchange(published_, added_);
    flight_.publish();
    // Partner: SplitDeviceQueue::arm(), which asks first and looks at the index after its own fence.
    memory_.full_fence();
    if (event_index_) {
      return need_event(areas_.device.template load<std::uint16_t>(SplitLayout::avail_event(size())), added_,
                        before);
    }
    return (areas_.device.template load<std::uint16_t>(SplitLayout::kFlags) & VIRTQ_USED_F_NO_NOTIFY) == 0;
  }

  Result<Reaped, TakeError> try_reap() {
    if (fault_ != QueueFault::kNone) return Err{TakeError::kBroken};
    if (reaped_ == seen_) {
      // Acquire: the entries that the index covers, and what the device wrote into their buffers, are
      // readable from here on. Partner: the release of the index in SplitDeviceQueue::publish().
      const auto index = areas_.device.template observe<std::uint16_t>(SplitLayout::kIndex);
      const auto more = static_cast<std::uint16_t>(index - seen_);
      if (more == 0) return Err{TakeError::kNothing};
      if (more > flight_.visible()) return breaks(QueueFault::kUsedIndexRanAhead);
      seen_ = index;
    }
    return in_order_ ? reap_in_order() : reap_any();
  }

  bool arm() {
    if (fault_ != QueueFault::kNone) return false;
    if (reaped_ != seen_) return true;
    if (event_index_) {
      areas_.driver.template store<std::uint16_t>(SplitLayout::used_event(size()), reaped_);
    } else if (!std::exchange(armed_, true)) {
      areas_.driver.template store<std::uint16_t>(SplitLayout::kFlags, 0);
    }
    // Partner: SplitDeviceQueue::publish(), which moves the index first and looks at this request after its
    // own fence. One of the two sees the other's store, so the wake-up is not lost.
    memory_.full_fence();
    return areas_.device.template load<std::uint16_t>(SplitLayout::kIndex) != seen_;
  }

  /// With the event index there is nothing to store: an old request to be told is not repeated by itself.
  void disarm() {
    if (fault_ != QueueFault::kNone || event_index_ || !std::exchange(armed_, false)) return;
    areas_.driver.template store<std::uint16_t>(SplitLayout::kFlags, VIRTQ_AVAIL_F_NO_INTERRUPT);
  }

  /// Takes back requests that the device will not answer any more, in no particular order: only after the
  /// queue or the device was reset, or broke. Make the queue again afterwards.
  std::optional<Token> reclaim() { return flight_.reclaim(); }

  QueueFault fault() const { return fault_; }
  const M& memory() const { return memory_; }
  std::uint16_t size() const { return flight_.size(); }
  std::uint16_t in_flight() const { return flight_.in_flight(); }

  /// §2.9: the available index; bit 31 (the wrap counter) is for packed queues.
  std::uint32_t next_offset() const { return notification_data_ ? published_ : 0; }

 private:
  Err<TakeError> breaks(QueueFault fault) {
    fault_ = fault;
    return Err{TakeError::kBroken};
  }

  /// The descriptor after this one: the next in the ring when requests complete in order (§2.7.9), else the
  /// next in the free list, which then becomes the chain's private link. What was freed first is used first:
  /// so the two sides work on different cache lines, and a device that happens to keep the order finds the
  /// same heads in the available ring lap after lap.
  std::uint16_t after(std::uint16_t descriptor) const {
    return in_order_ ? static_cast<std::uint16_t>((descriptor + 1) & (size() - 1)) : flight_[descriptor].next;
  }

  static std::uint64_t high_word(const Segment& segment, std::uint16_t flags, std::uint16_t next) {
    return segment.bytes | std::uint64_t{flags} << 32 | std::uint64_t{next} << 48;
  }
  void put(const typename M::Area& area, std::size_t index, std::uint64_t at, std::uint64_t high) const {
    detail::store_if_changed(area, index * sizeof(virtq_desc), at);
    detail::store_if_changed(area, index * sizeof(virtq_desc) + 8, high);
  }

  /// A request of one segment.
  Result<void, AddError> add_only(const Segment& segment, bool writable, Token token) {
    if (free_ == 0) return Err{AddError::kFull};
    const std::uint16_t head = next_free_;
    put(areas_.descriptors, head, segment.at.bytes(),
        high_word(segment, writable ? VIRTQ_DESC_F_WRITE : 0, 0));
    next_free_ = after(head);
    --free_;
    enter(head, token, writable ? segment.bytes : 0, 1);
    return {};
  }

  void enter(std::uint16_t head, Token token, std::uint64_t writable_bytes, std::uint16_t descriptors) {
    flight_.add(head, token, writable_bytes, descriptors);
    detail::store_if_changed(areas_.driver, SplitLayout::available(added_ & (size() - 1)), head);
    ++added_;
  }

  std::uint16_t put_chain(std::uint16_t head, const detail::Request& request) {
    std::uint16_t at = head;
    for (std::size_t n = 0; n < request.segments(); ++n) {
      const std::uint16_t next = after(at);
      const bool last = n + 1 == request.segments();
      const std::uint16_t flags = static_cast<std::uint16_t>((request.writable(n) ? VIRTQ_DESC_F_WRITE : 0) |
                                                             (last ? 0 : VIRTQ_DESC_F_NEXT));
      put(areas_.descriptors, at, request[n].at.bytes(), high_word(request[n], flags, last ? 0 : next));
      at = next;
    }
    return at;
  }

  std::uint16_t put_indirect(std::uint16_t head, const detail::Request& request) {
    const std::size_t first = std::size_t{head} * tables_.entries;
    const std::size_t count = request.segments();
    for (std::size_t n = 0; n < count; ++n) {
      const bool last = n + 1 == count;
      const std::uint16_t flags = static_cast<std::uint16_t>((request.writable(n) ? VIRTQ_DESC_F_WRITE : 0) |
                                                             (last ? 0 : VIRTQ_DESC_F_NEXT));
      put(table_area_, first + n, request[n].at.bytes(),
          high_word(request[n], flags, static_cast<std::uint16_t>(last ? 0 : n + 1)));
    }
    const std::uint64_t table = tables_.at.bytes() + first * sizeof(virtq_desc);
    put(areas_.descriptors, head, table,
        count * sizeof(virtq_desc) | std::uint64_t{VIRTQ_DESC_F_INDIRECT} << 32);
    return after(head);
  }

  struct Used {
    std::uint32_t id;
    std::uint32_t written;
  };
  Used read_used() const {
    const std::size_t place = SplitLayout::used(reaped_ & (size() - 1));
    return {areas_.device.template load<std::uint32_t>(place),
            areas_.device.template load<std::uint32_t>(place + 4)};
  }

  Result<Reaped, TakeError> reap_any() {
    const Used used = read_used();
    if (!flight_.visible(used.id)) return breaks(QueueFault::kUsedIdNotInFlight);
    const auto head = static_cast<std::uint16_t>(used.id);
    const DriverSlot& slot = flight_[head];
    if (used.written > slot.writable_bytes) return breaks(QueueFault::kUsedLengthTooLong);
    std::uint16_t last = head;
    for (std::uint16_t n = 1; n < slot.descriptors; ++n) last = flight_[last].next;
    (free_ == 0 ? next_free_ : flight_[last_free_].next) = head;
    last_free_ = last;
    return finish(head, used.written);
  }

  /// One used entry may stand for several requests: all before the one it names were used completely
  /// (§2.7.9).
  [[gnu::noinline]] Result<Reaped, TakeError> reap_in_order() {
    if (!batch_open_) {
      const Used used = read_used();
      if (!flight_.visible(used.id)) return breaks(QueueFault::kUsedIdNotInFlight);
      const auto last = static_cast<std::uint16_t>(used.id);
      if (flight_.age_rank(last) > static_cast<std::uint16_t>(seen_ - reaped_)) {
        return breaks(QueueFault::kUsedOutOfOrder);
      }
      if (used.written > flight_[last].writable_bytes) return breaks(QueueFault::kUsedLengthTooLong);
      batch_open_ = true;
      batch_last_ = last;
      batch_written_ = used.written;
    }
    const std::uint16_t head = oldest_;
    const bool last = head == batch_last_;
    if (last) batch_open_ = false;
    oldest_ = static_cast<std::uint16_t>((oldest_ + flight_[head].descriptors) & (size() - 1));
    return finish(head, last ? batch_written_ : static_cast<std::uint32_t>(flight_[head].writable_bytes));
  }

  Reaped finish(std::uint16_t head, std::uint32_t written) {
    free_ = static_cast<std::uint16_t>(free_ + flight_[head].descriptors);
    ++reaped_;
    return flight_.remove(head, written);
  }

  RingAreas<M> areas_{};
  detail::FlightTable flight_;
  std::uint16_t free_ = 0;       ///< Descriptors.
  std::uint16_t next_free_ = 0;  ///< Where the next chain starts.
  std::uint16_t last_free_ = 0;  ///< The end of the free list.
  std::uint16_t added_ = 0;      ///< Chains in the available ring.
  std::uint16_t published_ = 0;  ///< Of these, shown to the device.
  std::uint16_t seen_ = 0;       ///< The device's index as last accepted.
  std::uint16_t reaped_ = 0;     ///< Chains that came back.
  QueueFault fault_ = QueueFault::kNotSetUp;
  bool event_index_ = false;
  bool in_order_ = false;
  bool notification_data_ = false;
  bool armed_ =
      true;  ///< What our flags in the ring say (without the event index); zeroed memory means armed.
  bool batch_open_ = false;
  std::uint16_t oldest_ = 0;  ///< In order: the head that completes next.
  std::uint16_t batch_last_ = 0;
  std::uint32_t batch_written_ = 0;
  M memory_{};
  typename M::Area table_area_{};
  IndirectTables tables_;
};

}  // namespace hawser::virtio
