// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What both device halves do with descriptors once they are private copies: check them and gather one chain.
#pragma once

#include <hawser/virtio/queue/chain.hpp>
#include <hawser/virtio/queue/queue.hpp>
#include <hawser/virtio/queue/spec.hpp>

#include <hawser/transport/endian.hpp>
#include <hawser/transport/memory.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::virtio::detail {

/// A descriptor of either format, read from memory exactly once. `tail` is the format's own 16 bits: next
/// (split) or buffer id (packed).
struct Descriptor {
  std::uint64_t at = 0;
  std::uint32_t bytes = 0;
  std::uint16_t flags = 0;
  std::uint16_t tail = 0;

  bool has(std::uint16_t flag) const { return (flags & flag) != 0; }

  static constexpr Descriptor split(std::uint64_t low, std::uint64_t high) {
    return {low, static_cast<std::uint32_t>(high), static_cast<std::uint16_t>(high >> 32),
            static_cast<std::uint16_t>(high >> 48)};
  }
  static constexpr Descriptor packed(std::uint64_t low, std::uint64_t high) {
    return {low, static_cast<std::uint32_t>(high), static_cast<std::uint16_t>(high >> 48),
            static_cast<std::uint16_t>(high >> 32)};
  }
};

/// Gathers the segments of one chain into the taker's storage. Work is bounded by that storage: a chain that
/// does not fit is a fault.
template <Memory M>
class ChainGatherer {
 public:
  ChainGatherer(const M& memory, std::span<Segment> storage) : memory_(memory), storage_(storage) {}

  QueueFault push(const Descriptor& descriptor) {
    if (count_ == storage_.size()) return QueueFault::kChainTooLong;
    // The door is asked here, so a chain that a model sees lies inside the region as a whole; whoever touches
    // the bytes asks it again, because that is the only way to touch them.
    if (!memory_.area(Offset(descriptor.at), descriptor.bytes, 1).ok()) {
      return QueueFault::kSegmentOutsideTheRegion;
    }
    total_ += descriptor.bytes;
    if (total_ > UINT32_MAX) return QueueFault::kChainTooLong;  // a used length has 32 bits
    storage_[count_++] = Segment{Offset(descriptor.at), descriptor.bytes};
    if (!descriptor.has(VIRTQ_DESC_F_WRITE)) {
      if (readable_ + 1 != count_) return QueueFault::kReadableAfterWritable;
      readable_ = count_;
    }
    return QueueFault::kNone;
  }

  /// The descriptors of an indirect table (§2.7.5.3, §2.8.7). In a split queue they are linked by `next` and
  /// the walk takes at most as many steps as the table has entries; in a packed one they are all there are.
  QueueFault push_table(const Descriptor& table, bool linked) {
    if (table.has(VIRTQ_DESC_F_NEXT)) return QueueFault::kIndirectWithNext;
    const std::uint32_t entries = table.bytes / kEntryBytes;
    if (entries == 0 || table.bytes % kEntryBytes != 0 || entries > kMaxQueueSize) {
      return QueueFault::kIndirectTableMalformed;
    }
    auto area = memory_.area(Offset(table.at), table.bytes, 1);  // the specification asks for no alignment
    if (!area.ok()) return QueueFault::kIndirectTableMalformed;
    std::uint32_t index = 0;
    for (std::uint32_t step = 0; step < entries; ++step) {
      const Descriptor entry = read_entry(*area, index, linked);
      // §2.8.7: in a packed table the device ignores every flag but WRITE.
      if (linked && entry.has(VIRTQ_DESC_F_INDIRECT)) return QueueFault::kIndirectInsideIndirect;
      if (const QueueFault fault = push(entry); fault != QueueFault::kNone) return fault;
      if (linked && !entry.has(VIRTQ_DESC_F_NEXT)) return QueueFault::kNone;
      index = linked ? entry.tail : index + 1;
      if (linked && index >= entries) return QueueFault::kDescriptorIndexOutOfRange;
    }
    return linked ? QueueFault::kChainTooLong : QueueFault::kNone;
  }

  Chain chain(Chain::Owner& owner, std::uint16_t id, std::uint16_t slots, std::uint16_t sequence) const {
    return Chain(owner, id, slots, sequence, storage_.first(count_), readable_);
  }

 private:
  static constexpr std::uint32_t kEntryBytes = sizeof(virtq_desc);

  static Descriptor read_entry(const typename M::Area& area, std::uint32_t index, bool linked) {
    std::array<le64, 2> words;
    area.read(index * kEntryBytes, std::as_writable_bytes(std::span(words)));
    return linked ? Descriptor::split(words[0], words[1]) : Descriptor::packed(words[0], words[1]);
  }

  const M& memory_;
  std::span<Segment> storage_;
  std::size_t count_ = 0;
  std::size_t readable_ = 0;
  std::uint64_t total_ = 0;
};

/// DeviceQueue's take_burst() by its try_take().
template <class Queue>
std::size_t take_burst(Queue& queue, std::span<Chain> chains, std::span<Segment> storage,
                       std::size_t longest) {
  std::size_t taken = 0;
  for (; taken < chains.size() && storage.size() >= longest; ++taken) {
    auto chain = queue.try_take(storage.first(longest));
    if (!chain.ok()) break;
    storage = storage.subspan(chain->segments());
    chains[taken] = std::move(*chain);
  }
  return taken;
}

}  // namespace hawser::virtio::detail
