// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver's half of a packed virtqueue (VIRTIO 1.3 §2.8).
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/flight.hpp>
#include <hawser/virtio/queue/indirect.hpp>
#include <hawser/virtio/queue/layout.hpp>
#include <hawser/virtio/queue/packed_position.hpp>
#include <hawser/virtio/queue/packed_suppression.hpp>
#include <hawser/virtio/queue/queue.hpp>
#include <hawser/virtio/queue/request.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio {

/// See DriverQueue for what the calls mean. One thread. Descriptors are written as requests come, except the
/// first, whose flags make it available: the device looks at nothing behind that one, so publish() shows all at once. A buffer id is the request's slot, which outlives its place in the ring (§2.8.6).
template <Memory M>
class PackedDriverQueue {
 public:
  using MemoryType = M;

  PackedDriverQueue() = default;

  /// Clears the ring: call it before the device is told of the queue.
  static Result<PackedDriverQueue, SetupError> make(M memory, const QueueLayout& layout,
                                                    const Features& negotiated, std::span<DriverSlot> slots,
                                                    IndirectTables tables = {}) {
    HAWSER_TRY(areas, open_ring(memory, layout, RingFormat::kPacked));
    if (slots.size() < layout.size) return Err{SetupError::kTooFewSlots};
    if (!negotiated.has(VIRTIO_F_INDIRECT_DESC)) tables.entries = 0;
    HAWSER_TRY(table_area, detail::open_tables(memory, tables, layout.size));
    detail::clear(areas.descriptors);
    detail::clear(areas.driver);
    detail::clear(areas.device);
    PackedDriverQueue queue;
    queue.ring_ = areas.descriptors;
    queue.suppression_ = {areas.driver, areas.device, layout.size, negotiated.has(VIRTIO_F_EVENT_IDX)};
    queue.memory_ = std::move(memory);
    queue.table_area_ = table_area;
    queue.tables_ = tables;
    queue.flight_ = detail::FlightTable(slots, layout.size);
    queue.free_ = layout.size;
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

    const std::uint16_t id = next_id_;
    if (indirect) {
      put_indirect(id, request);
    } else {
      put_chain(id, request);
    }
    next_id_ = after(id);
    flight_.add(id, token, writable_bytes, needed);
    free_ = static_cast<std::uint16_t>(free_ - needed);
    return {};
  }

  bool publish() {
    if (fault_ != QueueFault::kNone || step_ == 0) return false;
    // Release: whoever sees this descriptor available sees the ones behind it and the buffers. Partner: the
    // acquire in PackedDeviceQueue::try_take().
    ring_.template store<std::uint64_t>(first_.low(), first_address_);
    ring_.template publish<std::uint64_t>(first_.high(), first_word_);
    flight_.publish();
    // Partner: PackedDeviceQueue::arm(), which asks first and looks at its descriptor after its own fence.
    memory_.full_fence();
    return suppression_.wanted(add_, std::exchange(step_, std::uint16_t{0}));
  }

  Result<Reaped, TakeError> try_reap() {
    if (fault_ != QueueFault::kNone) return Err{TakeError::kBroken};
    if (batch_open_) return reap_oldest();
    // Acquire: what the device wrote into the buffers is readable from here on. Partner: the release of the
    // first used descriptor in PackedDeviceQueue::publish().
    const auto word = ring_.template observe<std::uint64_t>(reap_.high());
    const auto flags = static_cast<std::uint16_t>(word >> 48);
    if (!reap_.used(flags)) return Err{TakeError::kNothing};
    const auto id = static_cast<std::uint16_t>(word >> 32);
    if (!flight_.visible(std::uint32_t{id})) return breaks(QueueFault::kUsedIdNotInFlight);
    const DriverSlot& slot = flight_[id];
    auto written = static_cast<std::uint32_t>(word);
    if (written > slot.writable_bytes) {
      // §2.8.4: without WRITE the length is reserved. Devices that never set WRITE but do write lengths
      // exist, so a length that makes sense is taken either way.
      if ((flags & VIRTQ_DESC_F_WRITE) != 0) return breaks(QueueFault::kUsedLengthTooLong);
      written = 0;
    }
    if (in_order_) {
      batch_open_ = true;
      batch_last_ = id;
      batch_written_ = written;
      return reap_oldest();
    }
    flight_[id].next = std::exchange(next_id_, id);
    return finish(id, written);
  }

  bool arm() {
    if (fault_ != QueueFault::kNone) return false;
    if (batch_open_) return true;
    suppression_.ask(reap_);
    // Partner: PackedDeviceQueue::publish(), which marks its descriptor used first and looks at this request
    // after its own fence. One of the two sees the other's store, so the wake-up is not lost.
    memory_.full_fence();
    return reap_.used(static_cast<std::uint16_t>(ring_.template load<std::uint64_t>(reap_.high()) >> 48));
  }

  void disarm() {
    if (fault_ == QueueFault::kNone) suppression_.ask_nothing();
  }

  /// Takes back requests that the device will not answer any more, in no particular order: only after the
  /// queue or the device was reset, or broke. Make the queue again afterwards.
  std::optional<Token> reclaim() { return flight_.reclaim(); }

  QueueFault fault() const { return fault_; }
  const M& memory() const { return memory_; }
  std::uint16_t size() const { return flight_.size(); }
  std::uint16_t in_flight() const { return flight_.in_flight(); }

  /// §2.9: where the next descriptor goes in bits 0 to 30, its wrap counter in bit 31.
  std::uint32_t next_offset() const {
    if (!notification_data_) return 0;
    return add_.offset | (add_.wrap ? std::uint32_t{1} << 31 : 0);
  }

 private:
  Err<TakeError> breaks(QueueFault fault) {
    fault_ = fault;
    return Err{TakeError::kBroken};
  }

  /// The id after this one: ids go round when requests complete in order, else the last freed is the next
  /// used.
  std::uint16_t after(std::uint16_t id) const {
    if (!in_order_) return flight_[id].next;
    return static_cast<std::uint16_t>(id + 1 < size() ? id + 1 : 0);
  }

  void put(std::uint64_t at, std::uint32_t bytes, std::uint16_t id, std::uint16_t flags) {
    const std::uint64_t word =
        detail::packed_word(bytes, id, static_cast<std::uint16_t>(flags | add_.available_flags()));
    if (step_ == 0) {
      // Both halves later, at once: the device polls this line, and would fetch it from between the two stores.
      first_ = add_;
      first_address_ = at;
      first_word_ = word;
    } else {
      ring_.template store<std::uint64_t>(add_.low(), at);
      ring_.template store<std::uint64_t>(add_.high(), word);
    }
    ++step_;
    add_.advance(1, size());
    detail::fetch_ahead(ring_, add_, free_, size());  // the device has read there
  }

  /// A request of one segment.
  Result<void, AddError> add_only(const Segment& segment, bool writable, Token token) {
    if (free_ == 0) return Err{AddError::kFull};
    const std::uint16_t id = next_id_;
    put(segment.at.bytes(), segment.bytes, id, writable ? VIRTQ_DESC_F_WRITE : 0);
    next_id_ = after(id);
    flight_.add(id, token, writable ? segment.bytes : 0, 1);
    --free_;
    return {};
  }

  void put_chain(std::uint16_t id, const detail::Request& request) {
    for (std::size_t n = 0; n < request.segments(); ++n) {
      const bool last = n + 1 == request.segments();
      const std::uint16_t flags = static_cast<std::uint16_t>((request.writable(n) ? VIRTQ_DESC_F_WRITE : 0) |
                                                             (last ? 0 : VIRTQ_DESC_F_NEXT));
      put(request[n].at.bytes(), request[n].bytes, id, flags);
    }
  }

  void put_indirect(std::uint16_t id, const detail::Request& request) {
    const std::size_t first = std::size_t{id} * tables_.entries * sizeof(pvirtq_desc);
    const auto put_all = [&](std::size_t at, std::span<const Segment> segments, std::uint16_t flags) {
      for (const Segment& segment : segments) {
        table_area_.template store<std::uint64_t>(at, segment.at.bytes());
        table_area_.template store<std::uint64_t>(at + 8, detail::packed_word(segment.bytes, 0, flags));
        at += sizeof(pvirtq_desc);
      }
      return at;
    };
    (void)put_all(put_all(first, request.readable(), 0), request.writable(), VIRTQ_DESC_F_WRITE);
    put(tables_.at.bytes() + first, static_cast<std::uint32_t>(request.segments() * sizeof(pvirtq_desc)), id,
        VIRTQ_DESC_F_INDIRECT);
  }

  /// One used descriptor may stand for several requests: all before the one it names were used completely
  /// (§2.8.8).
  [[gnu::noinline]] Result<Reaped, TakeError> reap_oldest() {
    const std::uint16_t id = oldest_;
    oldest_ = after(id);
    const bool last = id == batch_last_;
    if (last) batch_open_ = false;
    return finish(id, last ? batch_written_ : static_cast<std::uint32_t>(flight_[id].writable_bytes));
  }

  Reaped finish(std::uint16_t id, std::uint32_t written) {
    const std::uint16_t slots = flight_[id].descriptors;
    reap_.advance(slots, size());
    free_ = static_cast<std::uint16_t>(free_ + slots);
    return flight_.remove(id, written);
  }

  typename M::Area ring_{};
  detail::FlightTable flight_;
  detail::PackedPosition add_;   ///< Where the next descriptor goes.
  detail::PackedPosition reap_;  ///< The next descriptor to be marked as used.
  std::uint16_t free_ = 0;       ///< Slots of the ring.
  std::uint16_t next_id_ = 0;
  std::uint16_t step_ = 0;  ///< Slots written since publish().
  QueueFault fault_ = QueueFault::kNotSetUp;
  bool in_order_ = false;
  bool notification_data_ = false;
  bool batch_open_ = false;
  detail::PackedPosition first_;     ///< Where the withheld descriptor goes,
  std::uint64_t first_address_ = 0;  ///< and what it is.
  std::uint64_t first_word_ = 0;
  std::uint16_t oldest_ = 0;  ///< In order: the id that completes next.
  std::uint16_t batch_last_ = 0;
  std::uint32_t batch_written_ = 0;
  M memory_{};
  detail::PackedSuppression<typename M::Area> suppression_;
  typename M::Area table_area_{};
  IndirectTables tables_;
};

}  // namespace hawser::virtio
