// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device side's courier: the local driver of the device's rings. It puts chains that arrive into them, readable bytes
// where they lie in the received parcel and writable ones in its arena, and sends back what the device wrote.
#pragma once

#include <hawser/virtio/courier/control.hpp>
#include <hawser/virtio/courier/device_ring.hpp>
#include <hawser/virtio/courier/end.hpp>
#include <hawser/virtio/courier/landed_parcels.hpp>
#include <hawser/virtio/courier/queue_table.hpp>
#include <hawser/virtio/msg/bus.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::courier {

struct DeviceEndOptions {
  Features ring = kCourierRing;  ///< Ring features to use towards the device, as far as it offers them.
  /// Most readable, and most writable, bytes of one chain; 0: a sixteenth of the arena.
  std::uint32_t max_chain = 0;
  std::optional<Placement> placement;  ///< Instead of the rule's: kInline or kCopied.
};

/// Memory of the device side. `region`: what devices see. `free`: the part of it that the courier may use; the rest is
/// the carrier's ring, in which readable bytes are used in place. `bitmap`: Arena::bitmap_words(free.size()) words.
struct DeviceEndMemory {
  std::span<std::byte> region;
  std::span<std::byte> free;
  std::span<std::uint64_t> bitmap;
};

/// `kQueues`: of all devices together. `kQueueSize`: the largest queue.
template <CopiedLink L, std::uint16_t kQueues = 24, std::uint16_t kQueueSize = 256>
class DeviceEnd : public End<L, DeviceEnd<L, kQueues, kQueueSize>> {
  using Base = End<L, DeviceEnd>;
  friend Base;
  friend typename Base::ChannelType;
  friend typename Base::BellType;

 public:
  DeviceEnd(L& link, const DeviceEndMemory& memory, const DeviceEndOptions& options = {})
      : Base(link, memory.free.first(Base::Builder::kMemory)),
        memory_(memory),
        region_(memory.region),
        ring_features_(options.ring & kCourierRing),
        wanted_max_chain_(options.max_chain) {
    this->prefer(options.placement);
    forget();
  }

  RegionMemory region() const { return region_; }

  static constexpr std::uint16_t kMaxQueues = kQueues;

 private:
  static constexpr std::uint16_t kNone = 0xffff;
  static constexpr std::uint16_t kParcels = 128;
  static constexpr std::size_t kDevices = 64;

  using Queue = DeviceRing<kQueueSize>;
  using Held = typename Queue::Held;
  using State = typename Queue::State;

  // ---- control messages that pass by -------------------------------------------------------------------------

  void incoming(std::span<std::byte> frame) {
    const ControlMessage message(frame);
    if (message.is<msg::SetDriverFeatures>()) {
      const auto run = message.feature_run();
      if (run && message.device() < kDevices) terms_[message.device()].choose(*run, ring_features_);
    } else if (message.is<msg::SetVqueue>()) {
      if (const auto asked = message.read<msg::wire::VqueueSetup>()) set_up(message, *asked);
    } else if (message.is<msg::ResetVqueue>()) {
      const auto asked = message.read<msg::wire::VqueueIndex>();
      // Without the feature the device answers, and keeps its ring.
      const RingTerms* const terms = agreed(message.device());
      const bool may = asked && terms != nullptr && terms->chosen().has(VIRTIO_F_RING_RESET);
      resetting_ = may ? find(message.device(), asked->index) : nullptr;
    }
  }

  void outgoing(std::span<std::byte> frame) {
    const ControlMessage message(frame);
    if (message.is<msg::GetDeviceFeatures::Response>()) {
      const auto run = message.feature_run();
      if (run && message.device() < kDevices) terms_[message.device()].offer(*run);
    } else if (message.is<msg::GetVqueue::Response>()) {
      auto said = message.read<msg::wire::VqueueState>();
      if (!said) return;
      const bool has_place = queues_.has_place(message.device(), said->index);
      said->max_size = has_place ? std::min<std::uint32_t>(said->max_size, kQueueSize) : 0;
      message.write(*said);
    }
  }

  /// The device has let go of its rings when it says so.
  void sent(std::span<std::byte> frame) {
    const ControlMessage message(frame);
    if (message.is<msg::SetDeviceStatus::Response>() || message.is<msg::GetDeviceStatus::Response>()) {
      const auto status = message.read<msg::wire::Status>();
      if (status) told(message.device(), status->status);
    } else if (message.is<msg::ResetVqueue::Response>()) {
      if (resetting_ != nullptr) end_queue(*resetting_);
      resetting_ = nullptr;
    } else if (message.is<msg::EventDevice>()) {
      // Come or gone: nobody has done anything yet to what has that number from now on.
      if (const auto event = message.read<msg::wire::EventDevice>()) told(event->device_number, 0);
    }
  }

  /// What holds for a device since it has said FEATURES_OK; nullptr before that, and for devices that are not there.
  const RingTerms* agreed(std::uint16_t device) const {
    return device < kDevices && terms_[device].agreed() ? &terms_[device] : nullptr;
  }

  void told(std::uint16_t device, std::uint32_t status) {
    if (device < kDevices) terms_[device].told(status);
    if (status == 0) end_device(device);
  }

  Queue* find(std::uint16_t device, std::uint32_t index) { return queues_.find(device, index); }

  /// Puts addresses of our own into the message, and makes a ring there if it asks for one. A queue without a ring lies
  /// where no region reaches: whatever a device makes of the message, it enables nothing there, and says so.
  void set_up(const ControlMessage& message, msg::wire::VqueueSetup asked) {
    constexpr Offset kNowhere(~std::uint64_t{0} << 12);
    const RingTerms* const terms = agreed(message.device());
    Queue* const queue = terms != nullptr ? queues_.place(message.device(), asked.index) : nullptr;
    if (queue != nullptr && !queue->live) {
      const QueueSetup setup = apply(asked, queue->layout);
      queue->layout.size = setup.layout.size;
      if (setup.enable && !queue->make(region_, arena_, terms->chosen(), this->control_received_))
        queue->clear();
    }
    QueueLayout layout = queue != nullptr ? queue->layout : QueueLayout{};
    if (queue == nullptr || !queue->live) layout.descriptors = layout.driver = layout.device = kNowhere;
    const std::uint32_t all = msg::VIRTIO_MSG_VQUEUE_IGNORE_SIZE | msg::VIRTIO_MSG_VQUEUE_IGNORE_DESC |
                              msg::VIRTIO_MSG_VQUEUE_IGNORE_DRIVER | msg::VIRTIO_MSG_VQUEUE_IGNORE_DEVICE;
    asked.flags = asked.flags & ~all;
    asked.size = layout.size;
    asked.descriptors = layout.descriptors.bytes();
    asked.driver = layout.driver.bytes();
    asked.device = layout.device.bytes();
    message.write(asked);
  }

  // ---- endings -----------------------------------------------------------------------------------------------

  /// Everything of this period is void. The bus stops the devices before the next one begins.
  void forget() {
    for (Queue& queue : queues_.used()) queue.clear();
    for (RingTerms& terms : terms_) terms.forget();
    landed_.clear();
    finished_count_ = 0;
    current_ = {};
    assembly_.reset();
    resetting_ = nullptr;
    limits_sent_ = false;
    const std::uint64_t base =
        static_cast<std::uint64_t>(memory_.free.data() - memory_.region.data()) + kWorkspace;
    arena_ = Arena(Offset(base), memory_.free.size() - kWorkspace, memory_.bitmap);
    const std::uint64_t most = std::min<std::uint64_t>(arena_.size() / 16, 0xffffff00u);
    max_chain_ = wanted_max_chain_ != 0 ? wanted_max_chain_ : static_cast<std::uint32_t>(most);
  }

  void end_device(std::uint16_t device) {
    for (Queue& queue : queues_.used())
      if (queue.known && queue.device == device) end_queue(queue);
  }

  /// The device has let go of the ring: all that was in it or on its way to it is free.
  void end_queue(Queue& queue) {
    if (queue.live) {
      for (std::uint16_t n = 0; n < queue.layout.size; ++n)
        if (queue.held[n].state != State::kFree) free_held(queue, n);
      queue.release_memory(arena_);
    }
    for (unsigned n = 0; n < finished_count_; ++n)
      if (finished_[n].queue == &queue) finished_[n].queue = nullptr;
    if (current_.queue == &queue) current_ = {};
    queue.clear();
  }

  void free_held(Queue& queue, std::uint16_t n) {
    let_go_of_readable(queue, queue.held[n]);
    queue.free_place(arena_, n);
  }

  void let_go_of_readable(Queue& queue, Held& held) {
    if (held.parcel != kNone) {
      drop(held.parcel);
    } else if (held.assembled) {
      arena_.release(held.pieces[0].at, held.readable);
      queue.used -= held.readable;
    }
    held.parcel = kNone;
    held.assembled = false;
  }

  void drop(std::uint16_t parcel) {
    if (const auto number = landed_.drop(parcel)) this->link_.parcels().release(*number);
  }

  // ---- the work ----------------------------------------------------------------------------------------------

  void pump() {
    if (!this->up() || !send_limits()) return;
    this->receive();
    if (!this->up()) return;
    send_work();  // before more is placed: it makes room
    for (Queue& queue : queues_.used()) {
      if (!queue.live) continue;
      queue.place_waiting(arena_, [&](std::uint32_t bytes) { return may_use(queue, bytes); });
      if (queue.half.publish()) this->marks_ |= msg::mark_of(queue.device, queue.index).bit();
    }
  }
  void send_work() {
    send_completions();
    this->ring_if_sent();
  }

  bool send_limits() {
    if (limits_sent_) return true;
    const auto parcel = memory_.free.first(sizeof(wire::ParcelHeader) + sizeof(wire::Limits));
    (void)write_wire(parcel, wire::ParcelHeader{static_cast<std::uint8_t>(Kind::kLimits), kVersion, 0, 0});
    (void)write_wire(parcel.subspan(sizeof(wire::ParcelHeader)), wire::Limits{max_chain_, kQueueSize, 0});
    const std::span<const std::byte> parts[] = {parcel};
    limits_sent_ = this->link_.parcels().try_send(parts).ok();
    if (limits_sent_) this->link_.bell().ring();
    return limits_sent_;
  }

  // ---- receiving ---------------------------------------------------------------------------------------------

  bool takes_parcel() const { return !landed_.full(); }

  /// A chain in pieces needs its place before the first of them is taken. Such a piece ends its parcel.
  bool ready_for(const Arrived& parcel) {
    const std::uint16_t count = parcel.header.count;
    if (count == 0 || count > kMaxEntries || assembly_) return true;
    const auto entry = parcel.rest.template peek<wire::Entry>((count - 1u) * sizeof(wire::Entry));
    if (!entry || entry->at != 0 || entry->bytes >= entry->length || entry->length > max_chain_) return true;
    const Queue* const queue = find(entry->device, entry->queue);
    if (queue == nullptr || !queue->live) return true;
    if (!may_use(*queue, entry->length)) return false;
    assembly_ = arena_.allocate(entry->length);
    assembly_bytes_ = entry->length;
    return assembly_.has_value();
  }

  void unpack(const Arrived& parcel) {
    const std::uint16_t place = landed_.land(parcel.number);
    const char* const wrong = read(parcel.rest, parcel.header, place);
    if (assembly_) arena_.release(*assembly_, assembly_bytes_);  // reserved for what turned out to be stale
    assembly_.reset();
    if (wrong != nullptr) return this->broke(wrong);
    drop(place);
  }

  const char* read(ParcelReader reader, const wire::ParcelHeader& header, std::uint16_t place) {
    if (header.kind != static_cast<std::uint8_t>(Kind::kRequests))
      return "the peer sent a parcel of an unknown kind";
    return for_each_entry(reader, header.count, [&](const wire::Entry& entry, const auto& bytes) {
      Queue* const queue = find(entry.device, entry.queue);
      const bool stale =
          queue == nullptr || !queue->live || static_cast<std::int32_t>(header.control - queue->since) < 0;
      return stale ? nullptr : accept(*queue, entry, bytes, place);
    });
  }

  const char* accept(Queue& queue, const wire::Entry& entry,
                     const std::array<std::span<const std::byte>, 2>& bytes, std::uint16_t place) {
    if (entry.length > max_chain_ || entry.writable > max_chain_)
      return "the peer sent a chain beyond the limits it was told";
    if (queue.arriving != kNone) return accept_more(queue, entry, bytes);
    if (entry.at != 0 || entry.bytes > entry.length)
      return "the peer sent the pieces of a chain out of order";
    if (entry.length == 0 && entry.writable == 0) return "the peer sent a chain of no bytes";
    if (queue.free == kNone) return "the peer sent more chains than the queue has places";
    const std::uint16_t n = queue.take_place();
    Held& held = queue.held[n];
    held.chain = entry.chain;
    held.readable = entry.length;
    held.writable = entry.writable;
    if (entry.bytes == entry.length) {
      held.state = State::kWaiting;
      if (entry.length != 0) {
        for (std::size_t part = 0; part < bytes.size() && !bytes[part].empty(); ++part) {
          const auto at = offset_of(bytes[part]);
          if (!at) return "the carrier's ring lies outside the region that devices see";
          held.pieces[part] = {*at, static_cast<std::uint32_t>(bytes[part].size())};
        }
        held.parcel = place;
        landed_.use(place);
      }
      queue.line_up(n);
      return nullptr;
    }
    held.state = State::kArriving;
    queue.arriving = n;
    if (!assembly_ || assembly_bytes_ != entry.length)
      return "the peer began a chain in pieces in the middle of a parcel";
    held.pieces[0] = {*assembly_, entry.length};
    held.assembled = true;
    queue.used += entry.length;
    assembly_.reset();
    return append(queue, held, entry, bytes);
  }

  const char* accept_more(Queue& queue, const wire::Entry& entry,
                          const std::array<std::span<const std::byte>, 2>& bytes) {
    Held& held = queue.held[queue.arriving];
    if (entry.chain != held.chain || entry.length != held.readable || entry.writable != held.writable ||
        entry.at != held.arrived || entry.bytes == 0 || entry.bytes > held.readable - held.arrived)
      return "the peer sent the pieces of a chain out of order";
    return append(queue, held, entry, bytes);
  }

  const char* append(Queue& queue, Held& held, const wire::Entry& entry,
                     const std::array<std::span<const std::byte>, 2>& bytes) {
    const auto area = region_.area(held.pieces[0].at, held.readable, 1);
    for (const auto& part : bytes) {
      area->write(held.arrived, part);
      held.arrived += static_cast<std::uint32_t>(part.size());
    }
    this->counters_.bytes_copied += entry.bytes;
    if (held.arrived != held.readable) return nullptr;
    held.state = State::kWaiting;
    queue.line_up(std::exchange(queue.arriving, kNone));
    return nullptr;
  }

  std::optional<Offset> offset_of(std::span<const std::byte> bytes) const {
    const auto first = reinterpret_cast<std::uintptr_t>(bytes.data());
    const auto base = reinterpret_cast<std::uintptr_t>(memory_.region.data());
    if (first < base || first - base > memory_.region.size() ||
        bytes.size() > memory_.region.size() - (first - base))
      return std::nullopt;
    return Offset(first - base);
  }

  /// Half of the arena is divided among the queues; the other half is for whoever has nothing, so that chains which
  /// stay (a network's receive buffers) do not keep others out.
  bool may_use(const Queue& queue, std::uint32_t bytes) const {
    if (queue.used == 0) return true;
    std::uint64_t live = 0;
    for (const Queue& other : queues_.used()) live += other.live ? 1 : 0;
    return queue.used + bytes <= arena_.size() / 2 / live;
  }

  // ---- sending -----------------------------------------------------------------------------------------------

  void send_completions() {
    bool more = true;
    while (this->flush() && more && chain_waits()) {
      this->builder_.begin(Kind::kCompletions, this->link_.parcels().mtu(), this->control_sent_);
      while (add_current() && this->builder_.takes_entry() && (more = chain_waits())) continue;
    }
  }
  bool chain_waits() { return current_.queue != nullptr || take_next(); }

  /// The next chain that a device is done with, of the queues in turn, becomes the current one.
  bool take_next() {
    for (std::size_t left = queues_.used().size(); left != 0; --left) {
      Queue& queue = queues_.next();
      if (!queue.live || (queue.armed && queue.half.in_flight() == 0)) continue;
      auto reaped = queue.half.try_reap();
      if (!reaped.ok() && reaped.error() == TakeError::kNothing && queue.half.arm())
        reaped = queue.half.try_reap();
      queue.armed = !reaped.ok();
      if (!reaped.ok()) continue;
      const auto number = static_cast<std::uint16_t>(reaped->token.value);
      Held& held = queue.held[number];
      let_go_of_readable(queue, held);
      held.written = reaped->written;
      current_ = {&queue, number, 0};
      ++this->counters_.chains;
      return true;
    }
    return false;
  }

  /// As much of the current completion as the parcel takes. False: the parcel is full.
  bool add_current() {
    Queue& queue = *current_.queue;
    const Held& held = queue.held[current_.number];
    std::span<const std::byte> bytes;
    if (held.written != 0)
      bytes = region_.area(held.written_at, held.writable, 1)
                  ->bytes()
                  .subspan(current_.at, held.written - current_.at);
    const std::span<const std::byte> pieces[] = {bytes};
    if (!this->builder_.empty() && !this->builder_.takes(pieces)) return false;
    const std::size_t took =
        this->builder_.add(bytes.first(std::min(bytes.size(), this->builder_.room())), 1);
    const auto added = static_cast<std::uint32_t>(took);
    this->builder_.finish({queue.device, queue.index, held.chain, 0, held.written, 0, current_.at, added});
    current_.at += added;
    if (current_.at < held.written) return false;
    finished_[finished_count_++] = {&queue, current_.number, 0};
    current_ = {};
    return true;
  }

  /// The parcel has left: what it carried can be used again. Of the readable bytes take_next() has let go.
  void left() {
    for (unsigned n = 0; n < finished_count_; ++n)
      if (finished_[n].queue != nullptr) finished_[n].queue->free_place(arena_, finished_[n].number);
    finished_count_ = 0;
  }

  struct Leaving {
    Queue* queue = nullptr;
    std::uint16_t number = 0;
    std::uint32_t at = 0;
  };

  static constexpr std::size_t kWorkspace = (Base::Builder::kMemory + 63) / 64 * 64;

  const DeviceEndMemory memory_;
  RegionMemory region_;
  const Features ring_features_;
  const std::uint32_t wanted_max_chain_;
  std::uint32_t max_chain_ = 0;
  Arena arena_;
  bool limits_sent_ = false;
  std::array<RingTerms, kDevices> terms_{};  ///< By device.
  QueueTable<Queue, kQueues> queues_;
  LandedParcels<kParcels> landed_;
  std::optional<Offset> assembly_;  ///< Reserved for the chain in pieces that the next parcel begins.
  std::uint32_t assembly_bytes_ = 0;
  Queue* resetting_ = nullptr;
  Leaving current_;
  std::array<Leaving, kMaxEntries> finished_{};
  unsigned finished_count_ = 0;
};

}  // namespace hawser::virtio::courier
