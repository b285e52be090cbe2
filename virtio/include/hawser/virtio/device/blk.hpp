// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device half of a block device (VIRTIO 1.3 §5.2), whatever serves it.
#pragma once

#include <hawser/virtio/blk_spec.hpp>
#include <hawser/virtio/device/blk_backend.hpp>
#include <hawser/virtio/device/blk_config.hpp>
#include <hawser/virtio/device/blk_request.hpp>
#include <hawser/virtio/device/blk_storage.hpp>
#include <hawser/virtio/device/model.hpp>
#include <hawser/virtio/spec.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace hawser::virtio::device {

/// What a block device has done since it was made.
struct BlkCounters {
  std::uint64_t requests = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t errors = 0;     ///< Answered with IOERR or UNSUPP.
  std::uint64_t malformed = 0;  ///< Without even a place for the status.
};

/// A DeviceModel over memory M. Requests that its slots or its backend can't take stay in the ring. When something
/// behind the backend becomes ready, serve all queues: one queue's service may finish another's requests.
template <Memory M, BlkBackend<M> Backend>
class Blk {
 public:
  static constexpr std::uint32_t kDeviceId = VIRTIO_ID_BLOCK;

  /// Backend and storage outlive the device. Each queue gets an equal share of the slots.
  Blk(BlkStorage<M> storage, Backend& backend, const BlkOptions& options = {})
      : storage_(storage), backend_(backend), options_(options) {
    depth_ = static_cast<std::uint32_t>(storage.slots.size() / storage.queues.size());
    segments_each_ = storage.segments.size() / storage.slots.size();
    capacity_ = backend.capacity();
    for (std::uint16_t n = 0; n < queue_count(); ++n) forget(n);
  }
  ~Blk() { stop(); }
  Blk(const Blk&) = delete;
  Blk& operator=(const Blk&) = delete;

  Features offered() const {
    Features all = blk_features(backend_.read_only(), queue_count(), options_.write_cache);
    all.set(VIRTIO_F_IN_ORDER, options_.in_order);
    return all;
  }
  bool acceptable(Features) const { return true; }
  std::uint16_t queue_count() const { return static_cast<std::uint16_t>(storage_.queues.size()); }
  std::uint16_t queue_max_size(std::uint16_t) const { return options_.queue_size; }

  std::uint32_t config_size() const { return sizeof(virtio_blk_config); }

  void read_config(std::uint32_t at, std::span<std::byte> out) const {
    const virtio_blk_config config = blk_config(
        options_, {capacity_, seg_max(), queue_count(), backend_.can_unmap(), cache_.write_back()});
    std::memcpy(out.data(), wire_bytes(config).data() + at, out.size());
  }

  /// Only `writeback` can be written (§5.2.4).
  bool write_config(std::uint32_t at, std::span<const std::byte> in) {
    if (at != offsetof(virtio_blk_config, writeback) || in.size() != 1) return false;
    return cache_.choose(std::to_integer<std::uint8_t>(in[0]));
  }

  bool take_config_change() { return std::exchange(config_changed_, false); }

  /// Asks the backend for its size again and announces a change.
  void recheck_capacity() {
    const std::uint64_t now = backend_.capacity();
    config_changed_ = config_changed_ || now != capacity_;
    capacity_ = now;
  }

  void start(Features negotiated) {
    cache_.start(negotiated);
    negotiated_ = negotiated;
    in_order_ = negotiated.has(VIRTIO_F_IN_ORDER);
    started_ = true;
  }

  void attach(std::uint16_t index, AnyDeviceQueue<M> queue) {
    detach(index);
    storage_.queues[index].queue = std::move(queue);
    storage_.queues[index].attached = true;
  }

  void detach(std::uint16_t index) {
    settle_backend();
    forget(index);
  }

  Work service(std::uint16_t index) {
    BlkQueue<M>& queue = storage_.queues[index];
    if (!started_ || !queue.attached) return {};
    collect();
    queue.queue.disarm();
    retry_waiting(index);
    unsigned left = kBurst;
    bool more = false;
    while (!more && queue.waiting == 0 && queue.free != kNone) {
      auto chain = queue.queue.try_take(segments_of(queue.free));
      if (!chain.ok()) break;
      begin(index, std::move(*chain));
      more = --left == 0 || tired();
    }
    if (std::exchange(batch_, false)) backend_.go();
    const bool done = std::exchange(queue.unpublished, false);
    return {.more = more, .notify = queue.queue.publish(), .busy = done || left != kBurst};
  }

  bool prepare_to_wait(std::uint16_t index) {
    BlkQueue<M>& queue = storage_.queues[index];
    if (!started_ || !queue.attached) return false;
    if (queue.unpublished) return true;
    // Nothing more can be taken: the next thing to happen comes from the backend, not from the driver. If it has
    // nothing to do any more, another queue has seen that happen.
    if (queue.waiting != 0) return pending_ == 0;
    if (queue.free == kNone) return false;
    return queue.queue.arm();
  }

  bool needs_reset() const { return fault() != QueueFault::kNone; }

  /// How the driver broke one of the queues; the others run on.
  QueueFault fault() const {
    for (const BlkQueue<M>& queue : storage_.queues) {
      if (queue.attached && queue.queue.fault() != QueueFault::kNone) return queue.queue.fault();
    }
    return QueueFault::kNone;
  }

  void stop() {
    // Nothing is written to the queues: they may be somebody else's memory by now.
    started_ = false;
    settle_backend();
    for (std::uint16_t n = 0; n < queue_count(); ++n) forget(n);
    cache_.stop();
    negotiated_ = {};
    in_order_ = false;
  }

  const BlkCounters& counters() const { return counters_; }
  Backend& backend() { return backend_; }

 private:
  static constexpr std::uint32_t kNone = BlkQueue<M>::kNone;
  static constexpr unsigned kBurst = 64;  ///< Chains taken in one service().

  bool tired() {
    if constexpr (TiringBlkBackend<Backend>) return backend_.tired();
    return false;
  }

  std::uint32_t seg_max() const {
    // Two descriptors for header and status, should the driver have no indirect tables.
    const std::size_t stored = segments_each_ - sizeof(virtio_blk_req_header) - 1;
    return static_cast<std::uint32_t>(
        std::min<std::size_t>(stored, std::max<unsigned>(options_.queue_size, 3) - 2));
  }
  std::uint64_t max_bytes() const { return std::uint64_t{seg_max()} * options_.size_max; }

  std::span<Segment> segments_of(std::uint32_t slot) const {
    return storage_.segments.subspan(slot * segments_each_, segments_each_);
  }

  BlkRules rules() const {
    return {.capacity = capacity_,
            .max_bytes = max_bytes(),
            .max_discard_sectors = options_.max_discard_sectors,
            .max_write_zeroes_sectors = options_.max_write_zeroes_sectors,
            .read_only = backend_.read_only(),
            .flush = negotiated_.has(VIRTIO_BLK_F_FLUSH),
            .discard = negotiated_.has(VIRTIO_BLK_F_DISCARD),
            .write_zeroes = negotiated_.has(VIRTIO_BLK_F_WRITE_ZEROES)};
  }

  void begin(std::uint16_t index, Chain chain) {
    BlkQueue<M>& queue = storage_.queues[index];
    const std::uint32_t at = queue.free;
    BlkSlot& slot = storage_.slots[at];
    queue.free = slot.next;
    slot.chain = std::move(chain);
    slot.request = {};
    slot.next = kNone;
    slot.queue = index;
    ++counters_.requests;
    if (in_order_) {
      (queue.oldest == kNone ? queue.oldest : storage_.slots[queue.newest].next) = at;
      queue.newest = at;
    }
    if (slot.chain.writable_bytes() == 0) {
      ++counters_.malformed;
      return finish(at, VIRTIO_BLK_S_IOERR);
    }
    switch (read_blk_request(queue.queue.memory(), slot.chain, rules(), slot.request)) {
      case BlkVerdict::kRun:
        return run(at);
      case BlkVerdict::kNothingToDo:
        slot.request.bytes = 0;
        return finish(at, VIRTIO_BLK_S_OK);
      case BlkVerdict::kTellId:
        return finish(at, tell_id(queue, slot) ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
      case BlkVerdict::kIoError:
        return finish(at, VIRTIO_BLK_S_IOERR);
      case BlkVerdict::kUnsupported:
        return finish(at, VIRTIO_BLK_S_UNSUPP);
    }
  }

  /// Hands what is left of a request to the backend.
  void run(std::uint32_t at) {
    BlkSlot& slot = storage_.slots[at];
    BlkQueue<M>& queue = storage_.queues[slot.queue];
    const bool change = slot.request.action != BlkAction::kRead && slot.request.action != BlkAction::kFlush;
    const bool reading = slot.request.action == BlkAction::kRead;
    do {
      const BlkOperation<M> operation{.tag = at,
                                      .action = slot.request.action,
                                      .durable = change && !cache_.write_back(),
                                      .unmap = slot.request.unmap(),
                                      .sector = slot.request.sector,
                                      .bytes = slot.request.bytes,
                                      .memory = queue.queue.memory(),
                                      .segments = reading ? slot.chain.writable() : slot.chain.readable(),
                                      .skip = reading ? 0 : sizeof(virtio_blk_req_header)};
      switch (backend_.submit(operation)) {
        case BlkProgress::kDone:
          break;
        case BlkProgress::kFailed:
          return finish(at, VIRTIO_BLK_S_IOERR);
        case BlkProgress::kPending:
          slot.state = BlkSlot::State::kPending;
          ++pending_;
          batch_ = true;
          return;
        case BlkProgress::kBusy:
          slot.state = BlkSlot::State::kWaiting;
          ++queue.waiting;
          return;
      }
    } while (slot.request.next_range());
    finish(at, VIRTIO_BLK_S_OK);
  }

  /// What the backend has finished, of all queues; how many operations that were.
  unsigned collect() {
    unsigned finished = 0;
    while (const std::optional<BlkFinished> done = backend_.poll()) {
      ++finished;
      if (done->tag >= storage_.slots.size()) continue;
      BlkSlot& slot = storage_.slots[done->tag];
      if (slot.state != BlkSlot::State::kPending) continue;
      --pending_;
      if (!done->ok) {
        finish(done->tag, VIRTIO_BLK_S_IOERR);
      } else if (slot.request.next_range()) {
        run(done->tag);
      } else {
        finish(done->tag, VIRTIO_BLK_S_OK);
      }
    }
    return finished;
  }

  /// What the backend was too busy for. At most one request of a queue is new; the others are further ranges.
  void retry_waiting(std::uint16_t index) {
    BlkQueue<M>& queue = storage_.queues[index];
    for (std::uint32_t at = index * depth_; at < (index + 1) * depth_ && queue.waiting != 0; ++at) {
      BlkSlot& slot = storage_.slots[at];
      if (slot.state != BlkSlot::State::kWaiting) continue;
      --queue.waiting;
      run(at);
      if (slot.state == BlkSlot::State::kWaiting) return;  // still busy
    }
  }

  void finish(std::uint32_t at, std::uint8_t status) {
    BlkSlot& slot = storage_.slots[at];
    BlkQueue<M>& queue = storage_.queues[slot.queue];
    slot.status = status;
    slot.state = BlkSlot::State::kFinished;
    if (!in_order_) return answer(at);
    while (queue.oldest != kNone && storage_.slots[queue.oldest].state == BlkSlot::State::kFinished) {
      const std::uint32_t next = storage_.slots[queue.oldest].next;
      answer(std::exchange(queue.oldest, next));
    }
  }

  /// Data, then status, and nothing of the writable part left as it was: the written length is then always the whole
  /// of it, and a driver in another memory gets the status whatever went wrong. Only a request beyond all limits is
  /// not filled up; its length says so (§2.7.8.2 allows less than was written).
  void answer(std::uint32_t at) {
    BlkSlot& slot = storage_.slots[at];
    BlkQueue<M>& queue = storage_.queues[slot.queue];
    std::uint64_t written = 0;
    if (const std::uint64_t room = slot.chain.writable_bytes(); room != 0) {
      const bool ok = slot.status == VIRTIO_BLK_S_OK;
      const BlkRequest& request = slot.request;
      written = ok && request.action == BlkAction::kRead ? request.bytes : 0;
      written += fill(queue.queue.memory(), slot.chain, written, room - 1);
      if (put_status(queue.queue.memory(), slot.chain, slot.status) && written == room - 1) ++written;
      count(request, ok);
    }
    queue.queue.complete(std::move(slot.chain), static_cast<std::uint32_t>(written));
    queue.unpublished = true;
    give_back(slot.queue, at);
  }

  std::uint64_t fill(const M& memory, const Chain& chain, std::uint64_t from, std::uint64_t to) const {
    static constexpr std::array<std::byte, 512> kZeros{};
    if (from == to) return 0;
    if (to - from > std::max<std::uint64_t>(max_bytes(), VIRTIO_BLK_ID_BYTES)) return 0;
    ChainWriter<M> writer(memory, chain);
    if (!writer.skip(from).ok()) return 0;
    for (std::uint64_t left = to - from; left != 0;) {
      const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(left, kZeros.size()));
      if (!writer.write(std::span(kZeros).first(now)).ok()) return 0;
      left -= now;
    }
    return to - from;
  }

  static bool put_status(const M& memory, const Chain& chain, std::uint8_t status) {
    const std::span<const Segment> segments = chain.writable();
    std::size_t last = segments.size() - 1;
    while (segments[last].bytes == 0) --last;  // there is a byte somewhere
    const auto place = memory.area(segments[last].at + (segments[last].bytes - 1), 1, 1);
    if (!place.ok()) return false;
    const std::byte byte{status};
    place->write(0, std::span(&byte, 1));
    return true;
  }

  /// Leaves the request looking like a read of what was told, which is what it is.
  bool tell_id(const BlkQueue<M>& queue, BlkSlot& slot) const {
    std::array<std::byte, VIRTIO_BLK_ID_BYTES> id{};
    std::memcpy(id.data(), options_.id.data(), std::min(options_.id.size(), id.size()));
    slot.request.bytes = std::min<std::uint64_t>(slot.chain.writable_bytes() - 1, id.size());
    ChainWriter<M> writer(queue.queue.memory(), slot.chain);
    return writer.write(std::span(id).first(static_cast<std::size_t>(slot.request.bytes))).ok();
  }

  void count(const BlkRequest& request, bool ok) {
    if (!ok) {
      ++counters_.errors;
    } else if (request.action == BlkAction::kRead) {
      counters_.bytes_read += request.bytes;
    } else if (request.action == BlkAction::kWrite) {
      counters_.bytes_written += request.bytes;
    }
  }

  void give_back(std::uint16_t index, std::uint32_t at) {
    BlkSlot& slot = storage_.slots[at];
    slot.state = BlkSlot::State::kFree;
    slot.next = std::exchange(storage_.queues[index].free, at);
  }

  /// Waits until the backend touches nothing any more. While the device runs, requests of other queues go on and
  /// may hand it more; each has an end.
  void settle_backend() {
    while (started_ && pending_ != 0) {
      backend_.drain();
      if (collect() == 0) break;  // the backend lost one: its bug must not hang us
    }
    if (!started_ && pending_ != 0) {
      backend_.drain();
      while (backend_.poll()) {
      }
    }
    pending_ = 0;
  }

  void forget(std::uint16_t index) {
    BlkQueue<M>& queue = storage_.queues[index];
    const std::uint32_t first = index * depth_;
    // Chains first, then the queue: that is how they are dropped without an answer.
    for (std::uint32_t at = first; at < first + depth_; ++at) storage_.slots[at].chain = Chain();
    queue = BlkQueue<M>{};
    for (std::uint32_t at = first + depth_; at-- > first;) give_back(index, at);
  }

  BlkStorage<M> storage_;
  Backend& backend_;
  BlkOptions options_;
  Features negotiated_;
  WriteCache cache_;
  BlkCounters counters_;
  std::uint64_t capacity_ = 0;
  std::size_t segments_each_ = 0;
  std::uint32_t depth_ = 0;
  std::uint32_t pending_ = 0;  ///< Operations that the backend has.
  bool started_ = false;
  bool in_order_ = false;
  bool config_changed_ = false;
  bool batch_ = false;  ///< The backend was given something since go().
};

}  // namespace hawser::virtio::device
