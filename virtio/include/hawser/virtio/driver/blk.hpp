// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver half of a block device (VIRTIO 1.3 §5.2).
#pragma once

#include <hawser/virtio/blk_spec.hpp>
#include <hawser/virtio/driver/blk_book.hpp>
#include <hawser/virtio/driver/blk_chain.hpp>
#include <hawser/virtio/driver/blk_limits.hpp>
#include <hawser/virtio/driver/blk_tables.hpp>
#include <hawser/virtio/driver/blk_types.hpp>
#include <hawser/virtio/driver/transport.hpp>
#include <hawser/virtio/spec.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::driver {

struct BlkDriverOptions {
  /// Of the queue features, those to ask for.
  Features queue_features = kQueueFeatures;
  /// How long requests wait for a device that is gone or broken before they fail; nothing: for ever.
  std::optional<Duration> stall_limit;
};

/// submit() and poll() never wait; start(), resume() and the configuration do, as long as the transport does.
///
/// Life: start() once; when the device or the link is gone suspend(), when it is back resume(). In between requests are
/// accepted and wait. What had not been seen to end before is done again, oldest first: reads, writes and discards may
/// be done twice, so nothing is lost, and each request ends once. After the device broke the protocol (state kBroken,
/// broken_reason()) only resume() helps, which resets it.
///
/// What the device has been given is its own until its reset is confirmed, however long it was silent or away: until then
/// neither the control memory nor a forgotten buffer goes back to the arena. A driver that is destroyed before leaves
/// them taken.
template <DriverTransport T>
class Blk {
 public:
  using MemoryType = typename T::MemoryType;

  enum class State : std::uint8_t {
    kStopped,
    kRunning,
    kSuspended,
    kBroken,
  };

  /// The storage outlives the driver.
  explicit Blk(BlkStorage<MemoryType> storage, const BlkDriverOptions& options = {})
      : storage_(storage), options_(options), book_(storage.operations, storage.parts) {}
  Blk(const Blk&) = delete;
  Blk& operator=(const Blk&) = delete;

  /// From reset to DRIVER_OK. The transport must stay where it is until stop() or another resume().
  Result<void, TransportError> start(T& transport) { return resume(transport); }

  /// Nothing that the device did from now on is believed. Requests wait for resume().
  void suspend() {
    if (state_ != State::kStopped && state_ != State::kSuspended) stall(State::kSuspended);
  }

  /// The device is back, perhaps behind another transport (with the same arena: buffers lie there). What was in
  /// flight is done again. On an error the driver stays as it is; call it again.
  Result<void, TransportError> resume(T& transport) {
    suspend();
    transport_ = &transport;
    book_.use(transport.arena());
    if (!control_.open(transport.arena(), transport.memory(), storage_.parts.size())) {
      return Err{TransportError::kNoMemory};
    }
    const auto done = set_up();
    if (!done.ok()) {
      transport.fail();
      return done;
    }
    state_ = State::kRunning;
    issue();
    return {};
  }

  /// Resets the device and gives the control memory back; if the reset is not confirmed, the next start() has it again.
  /// Requests end with kCancelled; take them.
  void stop() {
    if (transport_ == nullptr) return;
    stall(State::kStopped);
    if (transport_->reset().ok()) {
      book_.begin_again();
      control_.close(transport_->arena());
    }
    book_.fail_all(BlkError::kCancelled);
    transport_ = nullptr;
  }

  State state() const { return state_; }
  /// A sentence; "" unless broken.
  const char* broken_reason() const { return broken_reason_; }

  const BlkLimits& limits() const { return limits_; }
  std::uint64_t capacity() const { return limits_.capacity; }
  Features negotiated() const { return negotiated_; }
  std::uint16_t queues() const { return lanes_; }
  const BlkDriverCounters& counters() const { return book_.counters(); }

  /// True once after the device announced that its configuration changed; reload_config() then waits for it.
  bool take_config_change() { return std::exchange(config_changed_, false); }
  Result<void, TransportError> reload_config() {
    virtio_blk_config config{};
    HAWSER_CHECK(read_config(config));
    const BlkLimits limits = blk_limits(config, negotiated_);
    if (limits.part_bytes(data_segments_) == 0)
      return Err{TransportError::kBadAnswer};  // not even one sector
    limits_ = limits;
    return {};
  }

  /// Write-back (true) or write-through, where the device lets the driver choose.
  Result<void, TransportError> set_write_back(bool on) {
    if (transport_ == nullptr || !negotiated_.has(VIRTIO_BLK_F_CONFIG_WCE)) {
      return Err{TransportError::kNotPossible};
    }
    const std::byte byte{on};
    return transport_->write_config(offsetof(virtio_blk_config, writeback), std::span(&byte, 1));
  }

  /// Accepts a request, or says at once why not. `more`: another follows at once, or poll(), which tells the device of all.
  Result<BlkTicket, BlkError> submit(const BlkRequest& request, bool more = false) {
    if (state_ == State::kStopped) return Err{BlkError::kNotStarted};
    if (const auto refused = refuse(request)) return Err{*refused};
    const auto ticket = book_.enter(request);
    if (!ticket) return Err{BlkError::kTableFull};
    issue(more);
    return *ticket;
  }

  /// Takes what the device finished and gives it more to do. Call it whenever something may have happened.
  void poll() {
    if (state_ == State::kRunning) {
      config_changed_ = transport_->take_config_change() || config_changed_;
      reap();
      if (state_ == State::kRunning && transport_->needs_reset()) broke("the device asks to be reset");
      issue();
    } else if (state_ != State::kStopped && options_.stall_limit &&
               elapsed(stalled_at_, transport_->now()) >= *options_.stall_limit) {
      book_.fail_all(BlkError::kStalledTooLong);
    }
  }

  /// The next request that has ended.
  std::optional<BlkDone> take() { return book_.take(); }

  /// The same for one request; nothing while it has not ended.
  std::optional<BlkDone> take(BlkTicket ticket) { return book_.take(ticket); }

  /// Nobody will take this one. Its buffer goes back to the arena when the device is through with it: at once if it
  /// has no part of it, else when it has given all parts back or ended its reset. A restart does not do it again.
  void forget(BlkTicket ticket, Segment buffer) { book_.forget(ticket, buffer); }

  /// Asks the device to tell when something has finished. True: something has already, so poll() instead of waiting.
  bool arm() {
    bool look = false;
    for (std::uint16_t n = 0; state_ == State::kRunning && n < lanes_; ++n) {
      look = storage_.lanes[n].queue.arm() || storage_.lanes[n].queue.fault() != QueueFault::kNone || look;
    }
    return look;
  }

  /// poll(), and if nothing has ended by then, wait at most until the deadline for something to happen.
  Wake wait(Instant until) {
    poll();
    if (book_.something_done() || transport_ == nullptr || arm()) return Wake::kRung;
    return transport_->wait(until);
  }

  /// Requests that have not ended.
  std::uint32_t unfinished() const { return book_.unfinished(); }

  T* transport() const { return transport_; }

 private:
  Result<void, TransportError> read_config(virtio_blk_config& config) {
    if (transport_ == nullptr) return Err{TransportError::kNotPossible};
    const auto all = std::as_writable_bytes(std::span(&config, 1));
    return transport_->read_config(0, all.first(blk_config_bytes(negotiated_)));
  }

  Result<void, TransportError> set_up() {
    broken_reason_ = "";
    if (transport_->device_id() != VIRTIO_ID_BLOCK) return Err{TransportError::kNoSuchDevice};
    Features wanted = options_.queue_features |
                      Features{VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX,    VIRTIO_BLK_F_RO,
                               VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_FLUSH,      VIRTIO_BLK_F_TOPOLOGY,
                               VIRTIO_BLK_F_DISCARD,  VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_WRITE_ZEROES};
    wanted.set(VIRTIO_BLK_F_MQ, storage_.lanes.size() > 1);
    HAWSER_TRY(negotiated, transport_->negotiate(wanted));
    book_.begin_again();
    negotiated_ = negotiated;
    virtio_blk_config config{};
    HAWSER_CHECK(read_config(config));
    limits_ = blk_limits(config, negotiated_);
    HAWSER_CHECK(start_queues());
    if (limits_.part_bytes(data_segments_) == 0)
      return Err{TransportError::kBadAnswer};  // not even one sector
    return transport_->start();
  }

  Result<void, TransportError> start_queues() {
    const auto wanted =
        static_cast<std::uint16_t>(std::min<std::size_t>(storage_.lanes.size(), limits_.queues));
    const std::size_t share = storage_.slots.size() / storage_.lanes.size();
    lanes_ = 0;
    data_segments_ = BlkChain::kMaxData;
    for (std::uint16_t n = 0; n < wanted; ++n) {
      HAWSER_TRY(most, transport_->queue_max_size(n));
      const auto size = static_cast<std::uint16_t>(
          std::bit_floor(std::min<std::size_t>({most, share, std::size_t{1} << 15})));
      if (size < 4) return Err{TransportError::kQueueRefused};  // header, data, status; and a power of two
      HAWSER_TRY(queue, transport_->start_queue(n, size, storage_.slots.subspan(n * share, share)));
      storage_.lanes[n] = {.queue = std::move(queue)};
      data_segments_ = std::min<std::uint32_t>(data_segments_, size - 2u);
      ++lanes_;
    }
    return {};
  }

  std::optional<BlkError> refuse(const BlkRequest& request) const {
    if (request.has_range()) {
      if (request.bytes == 0 || request.bytes % kSectorBytes != 0) return BlkError::kNotWholeSectors;
      const std::uint64_t sectors = request.bytes / kSectorBytes;
      if (sectors > limits_.capacity || request.sector > limits_.capacity - sectors)
        return BlkError::kOutsideTheDisk;
    }
    if (request.changes() && limits_.read_only) return BlkError::kReadOnly;
    if (request.kind == BlkKind::kDiscard && limits_.discard_sectors == 0) return BlkError::kNotOffered;
    if (request.kind == BlkKind::kWriteZeroes && limits_.zero_sectors == 0) return BlkError::kNotOffered;
    const std::uint64_t buffer = request.moves_data()               ? request.bytes
                                 : request.kind == BlkKind::kTellId ? VIRTIO_BLK_ID_BYTES
                                                                    : 0;
    if (!transport_->memory().area(request.buffer, buffer, 1).ok()) return BlkError::kBufferOutsideTheRegion;
    return std::nullopt;
  }

  // --- from requests to parts ---

  /// Gives the device what there is room for, oldest first. `more`: does not tell it yet.
  void issue(bool more = false) {
    if (state_ != State::kRunning) return;
    for (std::uint32_t at = book_.first_unissued(); at != kNoSlot;) {
      const BlkOperation& operation = book_[at];
      const std::uint32_t next = operation.next;
      // §5.2.6.2 lets a flush ignore writes that have not completed; ours waits for them, so that it also covers
      // them when everything has to be done again.
      if (operation.request.kind != BlkKind::kFlush || !book_.older_change(operation)) {
        if (!issue_parts(at)) break;
      }
      at = next;
    }
    for (std::uint16_t n = 0; n < lanes_ && !more; ++n) {
      BlkLane<MemoryType>& lane = storage_.lanes[n];
      if (!std::exchange(lane.unpublished, false) || !lane.queue.publish()) continue;
      transport_->notify(n, lane.queue.next_offset());
    }
  }

  /// False: no room for more now. Otherwise the request is completely issued, or has failed.
  bool issue_parts(std::uint32_t at) {
    const BlkOperation& operation = book_[at];
    const BlkRequest& request = operation.request;
    if (const auto refused = operation.issued == 0 ? refuse(request) : std::nullopt) {
      book_.fail(at, *refused);  // the device came back smaller, or read-only
      return true;
    }
    if (request.has_range() && part_bytes(request, operation.issued, limits_, data_segments_) == 0) {
      book_.fail(at, BlkError::kNotOffered);  // not any more: its limits have changed
      return true;
    }
    if (request.kind == BlkKind::kFlush &&
        !limits_.flush) {  // writes are durable when they complete (§5.2.6.2)
      book_.unlist(at);
      book_.end_if_over(at);
      return true;
    }
    do {
      const std::uint32_t part = book_.free_part();
      if (part == kNoSlot || !add_part(at, part)) return false;
    } while (operation.issued < request.bytes);
    book_.unlist(at);
    return true;
  }

  bool add_part(std::uint32_t at, std::uint32_t part) {
    const BlkOperation& operation = book_[at];
    const BlkRequest& request = operation.request;
    const std::uint64_t bytes = part_bytes(request, operation.issued, limits_, data_segments_);
    BlkChain chain;
    if (!control_.prepare(part, request, operation.issued, bytes, limits_, chain)) return false;
    if (!add_to_a_lane(chain, Token{part})) return false;
    const bool reads = request.kind == BlkKind::kRead;
    book_.begin_part(at, bytes, reads ? static_cast<std::uint32_t>(bytes) : 0);
    return true;
  }

  /// Queues take turns; one that is full is passed over.
  bool add_to_a_lane(const BlkChain& chain, Token token) {
    for (std::uint16_t tried = 0; tried < lanes_; ++tried) {
      next_lane_ = static_cast<std::uint16_t>(next_lane_ + 1 < lanes_ ? next_lane_ + 1 : 0);
      BlkLane<MemoryType>& lane = storage_.lanes[next_lane_];
      if (!lane.queue.try_add(chain.readable(), chain.writable(), token).ok()) continue;
      lane.unpublished = true;
      return true;
    }
    return false;
  }

  // --- from parts to ends ---

  void reap() {
    for (std::uint16_t n = 0; n < lanes_; ++n) {
      AnyDriverQueue<MemoryType>& queue = storage_.lanes[n].queue;
      for (;;) {
        const auto reaped = queue.try_reap();
        if (reaped.ok()) {
          // The queue has checked that this part was in flight.
          const auto part = static_cast<std::uint32_t>(reaped->token.value);
          book_.end_part(part, judge(part, book_.part_bytes(part), reaped->written));
          continue;
        }
        if (reaped.error() == TakeError::kBroken) return broke(describe(queue.fault()));
        break;
      }
    }
  }

  std::optional<BlkError> judge(std::uint32_t part, std::uint32_t expected, std::uint32_t written) const {
    switch (control_.status(part)) {
      case VIRTIO_BLK_S_OK:
        // A device may say less than it wrote (§2.7.8.2), but then nobody knows what of the data is data.
        if (written < expected) return BlkError::kShortRead;
        return std::nullopt;
      case VIRTIO_BLK_S_IOERR:
        return BlkError::kDeviceError;
      case VIRTIO_BLK_S_UNSUPP:
        return BlkError::kUnsupported;
      default:
        return BlkError::kBadStatus;
    }
  }

  // --- life and death ---

  void broke(const char* reason) {
    stall(State::kBroken);
    broken_reason_ = reason;
  }

  /// Forgets the queues, but not what the device has.
  void stall(State state) {
    if (state_ == State::kRunning) stalled_at_ = transport_->now();
    state_ = state;
    for (BlkLane<MemoryType>& lane : storage_.lanes) lane = {};
    lanes_ = 0;
  }

  BlkStorage<MemoryType> storage_;
  BlkDriverOptions options_;
  BlkBook book_;
  T* transport_ = nullptr;
  BlkLimits limits_;
  Features negotiated_;
  BlkControl<MemoryType> control_;
  const char* broken_reason_ = "";
  Instant stalled_at_;
  std::uint32_t data_segments_ = 0;
  std::uint16_t lanes_ = 0;
  std::uint16_t next_lane_ = 0;
  State state_ = State::kStopped;
  bool config_changed_ = false;
};

}  // namespace hawser::virtio::driver
