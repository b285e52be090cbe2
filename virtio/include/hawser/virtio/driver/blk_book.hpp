// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The block driver's book: which requests there are, how far each has come, which parts of them the device has, and
// how they ended. It knows neither queues nor a device, so it outlives them.
#pragma once

#include <hawser/virtio/driver/blk_tables.hpp>
#include <hawser/virtio/driver/blk_types.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::driver {

struct BlkDriverCounters {
  std::uint64_t submitted = 0;
  std::uint64_t completed = 0;    ///< Ended well.
  std::uint64_t failed = 0;       ///< Ended otherwise.
  std::uint64_t parts = 0;        ///< Chains given to the device.
  std::uint64_t resubmitted = 0;  ///< Requests begun again after the device came back.
};

/// Requests are live from enter() until they have ended, then done until they are taken. A live request is listed as
/// long as something of it is still to be issued. Parts are the device's until it gives them back, or begin_again().
class BlkBook {
 public:
  BlkBook(std::span<BlkOperation> operations, std::span<BlkPart> parts)
      : operations_(operations), parts_(parts) {
    for (BlkOperation& operation : operations_) operation = {};
    free_all_parts();
  }

  /// Where forgotten buffers go.
  void use(Arena& arena) { arena_ = &arena; }

  const BlkDriverCounters& counters() const { return counters_; }
  BlkOperation& operator[](std::uint32_t at) { return operations_[at]; }

  // --- requests ---

  /// Nothing when the table is full.
  std::optional<BlkTicket> enter(const BlkRequest& request) {
    const std::uint32_t slot = find_free();
    if (slot == kNoSlot) return std::nullopt;
    BlkOperation& operation = operations_[slot];
    operation = BlkOperation{.request = request,
                             .sequence = ++sequence_,
                             .round = operation.round + 1,
                             .state = BlkOperation::State::kLive};
    live_changes_ += request.changes() ? 1 : 0;
    list(slot);
    ++counters_.submitted;
    return BlkTicket{slot, operation.round};
  }

  /// The oldest request of which something is to be issued, or kNoSlot; those after it by `next`.
  std::uint32_t first_unissued() const { return unissued_.first(); }
  /// Nothing more of it is to be issued.
  void unlist(std::uint32_t at) {
    if (!std::exchange(operations_[at].listed, false)) return;
    unissued_.remove(operations_, at);
  }

  /// A change that is older than this flush has not ended.
  bool older_change(const BlkOperation& flush) const {
    if (live_changes_ == 0) return false;
    return std::any_of(operations_.begin(), operations_.end(), [&](const BlkOperation& o) {
      return o.state == BlkOperation::State::kLive && o.request.changes() && o.sequence < flush.sequence;
    });
  }

  std::uint32_t unfinished() const {
    return static_cast<std::uint32_t>(
        std::count_if(operations_.begin(), operations_.end(),
                      [](const BlkOperation& o) { return o.state == BlkOperation::State::kLive; }));
  }

  // --- parts ---

  /// kNoSlot: the device has as many as there is room for.
  std::uint32_t free_part() const { return free_part_; }

  /// The device has got the free part: so many bytes of this request, `reads` of which it has to write.
  void begin_part(std::uint32_t at, std::uint64_t bytes, std::uint32_t reads) {
    const std::uint32_t part = free_part_;
    free_part_ = parts_[part].next;
    parts_[part] = {.operation = at, .bytes = reads};
    operations_[at].issued += bytes;
    ++operations_[at].parts;
    ++counters_.parts;
  }

  /// Bytes of this part that the device has to write.
  std::uint32_t part_bytes(std::uint32_t part) const { return parts_[part].bytes; }

  /// The device has given this part back, with an error or without.
  void end_part(std::uint32_t index, std::optional<BlkError> error) {
    BlkPart& part = parts_[index];
    const std::uint32_t at = std::exchange(part.operation, kNoSlot);
    part.next = std::exchange(free_part_, index);
    BlkOperation& operation = operations_[at];
    --operation.parts;
    if (error && !operation.error) {
      operation.error = error;
      unlist(at);  // the rest of it need not be tried
    }
    end_if_over(at);
  }

  // --- ends ---

  void fail(std::uint32_t at, BlkError error) {
    BlkOperation& operation = operations_[at];
    if (!operation.error) operation.error = error;
    unlist(at);
    end_if_over(at);
  }
  /// All that are live end, whatever the device has of them.
  void fail_all(BlkError error) {
    for (std::uint32_t at = 0; at < operations_.size(); ++at) {
      BlkOperation& operation = operations_[at];
      if (operation.state != BlkOperation::State::kLive) continue;
      if (!operation.error) operation.error = error;
      unlist(at);
      end(at);
    }
  }

  /// Done when nothing of it is listed or with the device.
  void end_if_over(std::uint32_t at) {
    if (operations_[at].parts == 0 && !operations_[at].listed) end(at);
  }

  bool something_done() const { return !done_.empty(); }
  std::optional<BlkDone> take() {
    if (done_.empty()) return std::nullopt;
    return take_slot(done_.first());
  }
  std::optional<BlkDone> take(BlkTicket ticket) {
    if (!knows(ticket) || operations_[ticket.slot].state != BlkOperation::State::kDone) return std::nullopt;
    return take_slot(ticket.slot);
  }

  void forget(BlkTicket ticket, Segment buffer) {
    if (!knows(ticket)) return;
    BlkOperation& operation = operations_[ticket.slot];
    operation.forgotten = true;
    operation.abandoned = buffer;
    if (operation.state == BlkOperation::State::kDone) {
      done_.remove(operations_, ticket.slot);
      recycle_if_back(operation);
    } else if (operation.parts == 0) {
      fail(ticket.slot, BlkError::kCancelled);
    }
  }

  /// The device has nothing any more, for its reset was confirmed: every live request becomes one that was never issued,
  /// in the order of submission.
  void begin_again() {
    free_all_parts();
    unissued_ = {};
    for (std::uint32_t at = oldest_live(0); at != kNoSlot; at = oldest_live(operations_[at].sequence + 1)) {
      BlkOperation& operation = operations_[at];
      counters_.resubmitted += operation.parts != 0 || operation.issued != 0 ? 1 : 0;
      operation.issued = 0;
      operation.parts = 0;
      list(at);
    }
    for (std::uint32_t at = 0; at < operations_.size(); ++at) {
      BlkOperation& operation = operations_[at];
      operation.parts = 0;
      if (operation.state == BlkOperation::State::kLive) {
        if (operation.forgotten) fail(at, BlkError::kCancelled);
        if (operation.error) fail(at, *operation.error);  // it had failed and only waited for its parts
      } else if (operation.forgotten) {
        recycle(operation);
      }
    }
  }

 private:
  std::uint32_t find_free() {
    const auto count = static_cast<std::uint32_t>(operations_.size());
    for (std::uint32_t n = 0; n < count; ++n) {
      next_free_ = next_free_ + 1 < count ? next_free_ + 1 : 0;
      if (operations_[next_free_].state == BlkOperation::State::kFree) return next_free_;
    }
    return kNoSlot;
  }

  bool knows(BlkTicket ticket) const {
    if (ticket.slot >= operations_.size()) return false;
    const BlkOperation& operation = operations_[ticket.slot];
    return operation.round == ticket.round && operation.state != BlkOperation::State::kFree &&
           !operation.forgotten;
  }

  BlkDone take_slot(std::uint32_t slot) {
    BlkOperation& operation = operations_[slot];
    done_.remove(operations_, slot);
    BlkDone done{operation.request.token, {}, operation.parts != 0};
    if (operation.error) done.result = Err{*operation.error};
    recycle(operation);
    return done;
  }

  void end(std::uint32_t at) {
    BlkOperation& operation = operations_[at];
    live_changes_ -= operation.request.changes() ? 1 : 0;
    operation.state = BlkOperation::State::kDone;
    ++(operation.error ? counters_.failed : counters_.completed);
    if (operation.forgotten) {
      recycle_if_back(operation);
    } else {
      done_.append(operations_, at);
    }
  }

  /// A forgotten one that is done keeps its place and its buffer while the device has parts of it.
  void recycle_if_back(BlkOperation& operation) {
    if (operation.parts == 0) recycle(operation);
  }
  void recycle(BlkOperation& operation) {
    if (operation.abandoned.bytes != 0) arena_->release(operation.abandoned.at, operation.abandoned.bytes);
    operation = BlkOperation{.round = operation.round};
  }

  void list(std::uint32_t at) {
    operations_[at].listed = true;
    unissued_.append(operations_, at);
  }

  void free_all_parts() {
    free_part_ = kNoSlot;
    for (auto n = static_cast<std::uint32_t>(parts_.size()); n-- > 0;) {
      parts_[n] = {.operation = kNoSlot, .next = std::exchange(free_part_, n)};
    }
  }

  std::uint32_t oldest_live(std::uint64_t from) const {
    std::uint32_t oldest = kNoSlot;
    for (std::uint32_t at = 0; at < operations_.size(); ++at) {
      const BlkOperation& operation = operations_[at];
      if (operation.state != BlkOperation::State::kLive || operation.sequence < from) continue;
      if (oldest == kNoSlot || operation.sequence < operations_[oldest].sequence) oldest = at;
    }
    return oldest;
  }

  std::span<BlkOperation> operations_;
  std::span<BlkPart> parts_;
  Arena* arena_ = nullptr;
  BlkDriverCounters counters_;
  BlkList unissued_;
  BlkList done_;
  std::uint64_t sequence_ = 0;
  std::uint32_t free_part_ = kNoSlot;
  std::uint32_t next_free_ = 0;
  std::uint32_t live_changes_ = 0;
};

}  // namespace hawser::virtio::driver
