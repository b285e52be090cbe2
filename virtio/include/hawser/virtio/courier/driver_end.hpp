// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver side's courier: the local device of the driver's rings. It takes the chains that became available, sends
// them with their readable bytes, and puts what comes back into the driver's buffers.
#pragma once

#include <hawser/virtio/courier/control.hpp>
#include <hawser/virtio/courier/end.hpp>
#include <hawser/virtio/courier/queue_table.hpp>
#include <hawser/virtio/courier/segment_pool.hpp>
#include <hawser/virtio/msg/bus.hpp>
#include <hawser/virtio/queue/any.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace hawser::virtio::courier {

struct DriverEndOptions {
  Features ring =
      kCourierRing;  ///< Ring features to offer to the driver. Those that the courier can not do are left out.
  std::optional<Placement> placement;  ///< Instead of the rule's: kInline or kCopied.
};

/// `kQueues`: of all devices together. `kChains`: on their way, of all queues together. `kSegments`: writable segments
/// of those, and the longest chain.
template <CopiedLink L, std::uint16_t kQueues = 24, std::uint16_t kChains = 1024,
          std::uint16_t kSegments = 4096>
class DriverEnd : public End<L, DriverEnd<L, kQueues, kChains, kSegments>> {
  using Base = End<L, DriverEnd>;
  friend Base;
  friend typename Base::ChannelType;
  friend typename Base::BellType;

 public:
  /// `memory`: this side's region, where rings and buffers will lie. What the carrier sends must lie in there too.
  DriverEnd(L& link, std::span<std::byte> memory, const DriverEndOptions& options = {})
      : Base(link, memory.first(Base::Builder::kMemory)),
        region_(memory.subspan(kAlignedWorkspace)),
        ring_features_(options.ring & kCourierRing) {
    this->prefer(options.placement);
    free_chains();
  }
  ~DriverEnd() { forget(); }

  RegionMemory region() const { return region_; }

 private:
  static constexpr std::size_t kAlignedWorkspace = (Base::Builder::kMemory + 4095) / 4096 * 4096;
  static constexpr std::uint16_t kLongestChain = 1024;
  static constexpr std::uint16_t kNone = 0xffff;
  static_assert(kSegments >= kLongestChain);

  struct Queue {
    bool known = false;  ///< device and index mean something.
    bool live = false;
    bool armed = false;  ///< The driver rings for the next chain.
    std::uint16_t device = 0;
    std::uint16_t index = 0;
    std::uint32_t since =
        0;  ///< Control messages received when it began; a completion from before is not for it.
    QueueLayout layout;
    AnyDeviceQueue<RegionMemory> half;
  };

  struct Sent {
    Chain chain;
    Queue* queue = nullptr;       ///< nullptr: free.
    std::uint16_t first = kNone;  ///< Of its writable segments.
    std::uint16_t next_free = kNone;
    std::uint32_t readable = 0;
    std::uint32_t writable = 0;
    std::uint32_t length = 0;  ///< What the device says it wrote, known from the first piece on.
    std::uint32_t got = 0;
    // Where the next byte goes.
    std::uint16_t node = kNone;
    std::uint32_t in_node = 0;
  };

  // ---- control messages that pass by -------------------------------------------------------------------------

  void outgoing(std::span<std::byte> frame) {
    const ControlMessage message(frame);
    if (message.is<msg::SetDriverFeatures>()) {
      if (const auto run = message.feature_run()) {
        const Features chosen = exchange_ring_bits(*run, {}) & kRingBits;
        take_run(features_[message.device() % kDevices], *run, chosen);
      }
    }
  }

  void sent(std::span<std::byte> frame) {
    const ControlMessage message(frame);
    if (message.is<msg::SetVqueue>()) {
      if (const auto asked = message.read<msg::wire::VqueueSetup>()) set_up(message.device(), *asked);
    } else if (message.is<msg::ResetVqueue>()) {
      const auto asked = message.read<msg::wire::VqueueIndex>();
      resetting_ = asked ? find(message.device(), asked->index) : nullptr;
    }
  }

  void incoming(std::span<std::byte> frame) {
    const ControlMessage message(frame);
    if (message.is<msg::GetDeviceFeatures::Response>()) {
      if (const auto run = message.feature_run()) (void)exchange_ring_bits(*run, ring_features_);
    } else if (message.is<msg::GetVqueue::Response>()) {
      show_own_addresses(message);
    } else if (message.is<msg::SetDeviceStatus::Response>() || message.is<msg::GetDeviceStatus::Response>()) {
      const auto status = message.read<msg::wire::Status>();
      if (status && status->status == 0) end_device(message.device());
    } else if (message.is<msg::ResetVqueue::Response>()) {
      // The response does not name the queue. A bus has one request on its way.
      if (Queue* queue = resetting_) end_queue(*queue);
      resetting_ = nullptr;
    } else if (message.is<msg::EventDevice>()) {
      // The driver takes its memory back when it hears this.
      const auto event = message.read<msg::wire::EventDevice>();
      if (event && event->state == msg::VIRTIO_MSG_DEVICE_REMOVED) end_device(event->device_number);
    }
  }

  Queue* find(std::uint16_t device, std::uint32_t index) { return queues_.find(device, index); }

  void set_up(std::uint16_t device, const msg::wire::VqueueSetup& asked) {
    Queue* const queue = queues_.place(device, asked.index);
    if (queue == nullptr || queue->live) return;
    const QueueSetup setup = apply(asked, queue->layout);
    queue->layout = setup.layout;
    if (!setup.enable) return;
    auto half = AnyDeviceQueue<RegionMemory>::make(region_, queue->layout, features_[device % kDevices]);
    if (!half.ok()) return;  // the driver's own mistake; its device will not answer
    queue->half = std::move(half).value();
    queue->since = this->control_received_;
    queue->live = true;
    queue->armed = !queue->half.arm();
  }

  /// The peer answers with addresses of its own memory; the driver compares with those that it gave.
  void show_own_addresses(const ControlMessage& message) {
    auto said = message.read<msg::wire::VqueueState>();
    if (!said) return;
    const Queue* queue = find(message.device(), said->index);
    const QueueLayout own = queue != nullptr ? queue->layout : QueueLayout{};
    const bool set = said->cur_size != 0;
    said->descriptors = set ? own.descriptors.bytes() : 0;
    said->driver = set ? own.driver.bytes() : 0;
    said->device = set ? own.device.bytes() : 0;
    message.write(*said);
  }

  // ---- endings -----------------------------------------------------------------------------------------------

  void forget() {
    for (Queue& queue : queues_.used()) end_queue(queue);
    features_ = {};
    resetting_ = nullptr;
    limits_ = {};
  }

  void end_device(std::uint16_t device) {
    for (Queue& queue : queues_.used())
      if (queue.known && queue.device == device) end_queue(queue);
  }

  /// Lets go of the ring and of everything on its way: the driver has taken it back, and with it the bytes that a parcel
  /// that waits for room was to carry. What that says of the ring is stale by its control number.
  void end_queue(Queue& queue) {
    if (queue.live) {
      for (std::uint16_t n = 0; n < kChains; ++n) {
        if (chains_[n].queue != &queue) continue;
        if (current_ == n) current_ = kNone;
        chains_[n].chain = {};
        free_chain(n);
      }
      this->builder_.drop_bytes(queue.device, queue.index);
    }
    queue = {};
  }

  void free_chains() {
    for (std::uint16_t n = kChains; n-- > 0;) free_chain(n);
  }
  /// Its chain has gone back.
  void free_chain(std::uint16_t n) {
    Sent& sent = chains_[n];
    pool_.release(sent.first);
    sent.queue = nullptr;
    sent.next_free = free_;
    free_ = n;
  }

  // ---- sending -----------------------------------------------------------------------------------------------

  void pump() {
    if (!this->up()) return;
    this->receive();
    if (this->up()) send_work();
  }
  void send_work() {
    send_requests();
    this->ring_if_sent();
  }
  void left() {}  // buffers stay where they are until the completion

  void send_requests() {
    if (limits_.max_chain == 0) return;
    bool more = true;
    while (this->flush() && more && chain_waits()) {
      this->builder_.begin(Kind::kRequests, this->link_.parcels().mtu(), this->control_sent_);
      while (add_current() && this->builder_.takes_entry() && (more = chain_waits())) continue;
    }
  }
  bool chain_waits() { return current_ != kNone || take_next(); }

  /// The next chain that became available, of the queues in turn, becomes the current one.
  bool take_next() {
    for (std::size_t left = queues_.used().size(); left != 0; --left) {
      Queue& queue = queues_.next();
      while (queue.live) {
        if (free_ == kNone || pool_.left() < kLongestChain) return false;  // a completion makes room
        auto chain = queue.half.try_take(scratch_);
        if (chain.ok()) {
          queue.armed = false;
          if (accept(queue, std::move(chain).value())) return true;
          continue;
        }
        if (queue.armed || chain.error() != TakeError::kNothing) break;
        queue.armed = !queue.half.arm();
        if (queue.armed) break;
      }
    }
    return false;
  }

  /// False: it can not be carried, and went back with nothing written. The ring has asked the region's door about every
  /// segment already; whoever touches their bytes asks it again.
  bool accept(Queue& queue, Chain&& chain) {
    std::uint64_t readable = 0;
    piece_count_ = 0;
    for (const Segment& segment : chain.readable()) {
      const auto area = region_.area(segment.at, segment.bytes, 1);
      if (!area.ok()) return turn_back(queue, std::move(chain));
      if (segment.bytes != 0) add_piece(area->bytes());
      readable += segment.bytes;
    }
    const std::uint64_t writable = chain.writable_bytes();
    const bool carried =
        readable <= limits_.max_chain && writable <= limits_.max_chain && readable + writable != 0;
    if (!carried) return turn_back(queue, std::move(chain));

    current_ = free_;
    Sent& sent = chains_[current_];
    free_ = sent.next_free;
    std::uint16_t tail = kNone;
    for (const Segment& segment : chain.writable())
      if (segment.bytes != 0) pool_.append(sent.first, tail, segment);
    sent.queue = &queue;
    sent.readable = static_cast<std::uint32_t>(readable);
    sent.writable = static_cast<std::uint32_t>(writable);
    sent.got = 0;
    sent.node = sent.first;
    sent.in_node = 0;
    sent.chain = std::move(chain);
    current_at_ = 0;
    current_piece_ = 0;
    return true;
  }

  bool turn_back(Queue& queue, Chain&& chain) {
    queue.half.complete(std::move(chain), 0);
    tell(queue);
    return false;
  }

  void add_piece(std::span<const std::byte> bytes) {
    if (piece_count_ != 0) {
      auto& last = pieces_[piece_count_ - 1];
      if (last.data() + last.size() == bytes.data()) {
        last = std::span<const std::byte>(last.data(), last.size() + bytes.size());
        return;
      }
    }
    pieces_[piece_count_++] = bytes;
  }

  /// As much of the current chain as the parcel takes. False: the parcel is full.
  bool add_current() {
    Sent& sent = chains_[current_];
    const auto pieces = std::span(pieces_).subspan(current_piece_, piece_count_ - current_piece_);
    // A chain in one piece can be used where it arrives, so it rather waits for the next parcel.
    if (!this->builder_.empty() && !this->builder_.takes(pieces)) return false;
    std::uint32_t added = 0;
    while (current_piece_ < piece_count_) {
      auto& piece = pieces_[current_piece_];
      const std::size_t took =
          this->builder_.add(piece.first(std::min(piece.size(), this->builder_.room())), pieces.size());
      added += static_cast<std::uint32_t>(took);
      piece = piece.subspan(took);
      if (!piece.empty()) break;
      ++current_piece_;
    }
    this->builder_.finish({sent.queue->device, sent.queue->index, current_, 0, sent.readable, sent.writable,
                           current_at_, added});
    current_at_ += added;
    if (current_piece_ < piece_count_) return false;
    current_ = kNone;
    return true;
  }

  // ---- receiving ---------------------------------------------------------------------------------------------

  bool takes_parcel() const { return true; }
  bool ready_for(const Arrived&) const { return true; }

  void unpack(const Arrived& parcel) {
    const char* const wrong = read(parcel.rest, parcel.header);
    this->link_.parcels().release(parcel.number);
    if (wrong != nullptr) return this->broke(wrong);
    for (Queue& queue : queues_.used())
      if (queue.live) tell(queue);
  }

  const char* read(ParcelReader reader, const wire::ParcelHeader& header) {
    if (header.kind == static_cast<std::uint8_t>(Kind::kLimits)) {
      const auto limits = reader.template take<wire::Limits>();
      if (!limits || limits->max_chain == 0) return "the peer announced limits that make no sense";
      limits_ = *limits;
      return nullptr;
    }
    if (header.kind != static_cast<std::uint8_t>(Kind::kCompletions))
      return "the peer sent a parcel of an unknown kind";
    return for_each_entry(reader, header.count, [&](const wire::Entry& entry, const auto& bytes) {
      return accept(entry, header.control, bytes);
    });
  }

  const char* accept(const wire::Entry& entry, std::uint32_t control,
                     const std::array<std::span<const std::byte>, 2>& bytes) {
    Queue* const queue = find(entry.device, entry.queue);
    if (queue == nullptr || !queue->live || static_cast<std::int32_t>(control - queue->since) < 0)
      return nullptr;
    const std::uint16_t id = entry.chain;
    // Not before all of it has been sent: the driver would take back memory that is still to be read for the peer.
    if (id >= kChains || id == current_ || chains_[id].queue != queue ||
        this->builder_.names(entry.device, entry.queue, id))
      return "the peer completed a chain that is not on its way";
    Sent& sent = chains_[id];
    if (entry.length > sent.writable) return "the peer wrote more than a chain has room for";
    if (entry.at != sent.got || (sent.got != 0 && entry.length != sent.length) ||
        entry.bytes > entry.length - sent.got || (entry.bytes == 0 && entry.length != 0))
      return "the peer sent the pieces of a completion out of order";
    sent.length = entry.length;
    for (const auto& part : bytes) scatter(sent, part);
    if (sent.got != sent.length) return nullptr;
    queue->half.complete(std::move(sent.chain), sent.length);
    free_chain(id);
    ++this->counters_.chains;
    return nullptr;
  }

  /// The segments were checked when the chain was taken from its ring, and are a private copy.
  void scatter(Sent& sent, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const Segment& segment = pool_[sent.node];
      const std::size_t fits = std::min<std::size_t>(bytes.size(), segment.bytes - sent.in_node);
      const auto area = region_.area(segment.at, segment.bytes, 1);
      area->write(sent.in_node, bytes.first(fits));
      bytes = bytes.subspan(fits);
      sent.got += static_cast<std::uint32_t>(fits);
      sent.in_node += static_cast<std::uint32_t>(fits);
      this->counters_.bytes_copied += fits;
      if (sent.in_node == segment.bytes) {
        sent.node = pool_.next(sent.node);
        sent.in_node = 0;
      }
    }
  }

  /// Makes completions visible to the driver, and wakes it if it wants to be.
  void tell(Queue& queue) {
    if (queue.half.publish()) this->marks_ |= msg::mark_of(queue.device, queue.index).bit();
  }

  static constexpr std::size_t kDevices = 64;

  RegionMemory region_;
  const Features ring_features_;
  std::array<Features, kDevices> features_{};  ///< Ring bits that the driver chose, by device.
  QueueTable<Queue, kQueues> queues_;
  std::array<Sent, kChains> chains_{};
  std::uint16_t free_ = kNone;
  SegmentPool<kSegments> pool_;
  wire::Limits limits_{};
  Queue* resetting_ = nullptr;

  // The chain that is being sent.
  std::uint16_t current_ = kNone;
  std::uint32_t current_at_ = 0;
  std::size_t current_piece_ = 0;
  std::size_t piece_count_ = 0;
  std::array<std::span<const std::byte>, kLongestChain> pieces_{};
  std::array<Segment, kLongestChain> scratch_{};
};

}  // namespace hawser::virtio::courier
