// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What both ends of a courier have in common: they stand between a bus and a copied link, look like a link to the bus,
// read the control messages that pass by, and number what they send.
#pragma once

#include <hawser/virtio/courier/parcel_builder.hpp>
#include <hawser/virtio/courier/parcel_reader.hpp>
#include <hawser/virtio/courier/ring_bits.hpp>
#include <hawser/virtio/courier/wire.hpp>
#include <hawser/virtio/msg/codec.hpp>

#include <hawser/transport/link.hpp>
#include <hawser/transport/memory.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace hawser::virtio::courier {

struct CourierCounters {
  std::uint64_t parcels_sent = 0;
  std::uint64_t parcels_received = 0;
  std::uint64_t chains = 0;        ///< Completed at this end.
  std::uint64_t bytes_copied = 0;  ///< By this end itself: gathered, assembled, or scattered.
};

/// `Self` does the work: outgoing(), sent(), incoming() for control messages; pump(), send_work(), forget() for the rest.
template <CopiedLink L, class Self>
class End {
 public:
  using MemoryType = RegionMemory;
  using LinkType = L;

  class ChannelType {
   public:
    explicit ChannelType(End& end) : end_(end) {}
    std::size_t mtu() const { return end_.link_.channel().mtu(); }

    Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts) {
      if (end_.reason_ != nullptr) return Err{SendError::kRefused};
      auto& channel = end_.link_.channel();
      std::array<std::byte, kFrame> frame;
      std::size_t size = 0;
      for (const auto& part : parts) {
        if (part.size() > frame.size() - size) return Err{SendError::kTooBig};
        if (!part.empty()) std::memcpy(frame.data() + size, part.data(), part.size());
        size += part.size();
      }
      const auto message = std::span(frame).first(size);
      end_.self().outgoing(message);
      const std::span<const std::byte> whole[] = {message};
      HAWSER_CHECK(channel.try_send(whole));
      ++end_.control_sent_;
      end_.self().sent(message);
      return {};
    }

    Result<std::size_t, ReceiveError> try_receive(std::span<std::byte> to) {
      if (end_.reason_ != nullptr) return Err{ReceiveError::kDown};
      auto got = end_.link_.channel().try_receive(to);
      if (!got.ok()) return got;
      ++end_.control_received_;
      end_.self().incoming(to.first(std::min(*got, to.size())));
      return got;
    }

   private:
    static constexpr std::size_t kFrame = 512;
    End& end_;
  };

  class BellType {
   public:
    explicit BellType(End& end) : end_(end) {}
    void ring() { end_.link_.bell().ring(); }
    void ring(Mark) {
      ++end_.rings_;
      if (end_.up()) end_.self().send_work();  // what stands behind the mark travels in parcels
    }
    Marks take() {
      (void)end_.link_.bell().take();
      return std::exchange(end_.marks_, 0);
    }
    void arm() { end_.link_.bell().arm(); }
    void disarm() { end_.link_.bell().disarm(); }
    Wake wait(Instant until) { return end_.marks_ != 0 ? Wake::kRung : end_.link_.bell().wait(until); }

   private:
    End& end_;
  };

  End(const End&) = delete;
  End& operator=(const End&) = delete;

  LinkState state() const { return reason_ != nullptr ? LinkState::kBroken : link_.state(); }
  Epoch epoch() const { return link_.epoch(); }
  /// The region is this side's own memory: offsets mean nothing to the peer.
  Visibility visibility() const { return Visibility::kCopied; }
  const char* broken_reason() const { return reason_ != nullptr ? reason_ : link_.broken_reason(); }
  BrokenBy broken_by() const requires ManagedLink<L> {
    return reason_ != nullptr ? BrokenBy::kPeer : link_.broken_by();
  }
  bool holds_end() const requires ManagedLink<L> { return link_.holds_end(); }
  void leave() requires ManagedLink<L> { link_.leave(); }
  ChannelType& channel() { return channel_; }
  const ChannelType& channel() const { return channel_; }
  BellType& bell() { return bell_; }
  Instant now() const { return link_.now(); }
  /// How bytes that this end sends go: by the rule (nothing), or always inline, or always copied.
  void prefer(std::optional<Placement> placement) { builder_.prefer(placement); }
  L& link() { return link_; }
  const L& link() const { return link_; }
  CourierCounters courier_counters() const {
    CourierCounters counters = counters_;
    counters.bytes_copied += builder_.copied();
    return counters;
  }

  LinkCounters counters() const {
    LinkCounters counters = link_.counters();
    counters.rings_asked += rings_;
    return counters;
  }

  LinkEvent poll() {
    const LinkEvent event = link_.poll();
    if (event != LinkEvent::kNothing) begin_anew();
    if (reason_ != nullptr) return std::exchange(untold_, false) ? LinkEvent::kBroke : LinkEvent::kNothing;
    if (event == LinkEvent::kNothing && link_.state() == LinkState::kUp) {
      self().pump();
      if (reason_ != nullptr) return poll();
    }
    return event;
  }

  void reset() {
    link_.reset();
    reason_ = nullptr;
    untold_ = false;
    begin_anew();
  }

 protected:
  using Builder = ParcelBuilder<L::ParcelChannelType::kMaxParts>;

  End(L& link, std::span<std::byte> workspace)
      : link_(link), channel_(*this), bell_(*this), builder_(workspace) {}

  bool up() const { return reason_ == nullptr && link_.state() == LinkState::kUp; }

  /// The peer said something that no courier says. Latched until reset().
  void broke(const char* reason) {
    if (reason_ != nullptr) return;
    reason_ = reason;
    untold_ = true;
    self().forget();
  }

  /// Sends what the builder holds. False: no room now, it stays.
  bool flush() {
    if (builder_.empty()) return true;
    const auto sent = link_.parcels().try_send(builder_.seal());
    if (!sent.ok()) {
      if (sent.error() == SendError::kTooBig) broke("the link does not carry parcels as long as it says");
      return false;
    }
    ++counters_.parcels_sent;
    ring_ = true;
    builder_.clear();
    self().left();
    return true;
  }

  void ring_if_sent() {
    if (std::exchange(ring_, false)) link_.bell().ring();
  }

  /// Looks at parcels while there are any whose control messages have all been seen.
  void receive() {
    for (unsigned n = 0; n < kParcelsPerPump && up(); ++n) {
      if (!waiting_) {
        if (!self().takes_parcel()) return;
        const auto got = link_.parcels().try_receive();
        if (!got.ok()) return;
        ++counters_.parcels_received;
        if (!arrived_.read(*got) || arrived_.header.version != kVersion) {
          link_.parcels().release(arrived_.number);
          return broke("the peer sent a parcel without a header of this version");
        }
        waiting_ = true;
      }
      if (static_cast<std::int32_t>(arrived_.header.control - control_received_) > 0) return;
      if (!self().ready_for(arrived_)) return;
      waiting_ = false;
      self().unpack(arrived_);
    }
  }

  Self& self() { return static_cast<Self&>(*this); }

  L& link_;
  ChannelType channel_;
  BellType bell_;
  Builder builder_;
  CourierCounters counters_;
  Marks marks_ = 0;
  std::uint32_t control_sent_ = 0;
  std::uint32_t control_received_ = 0;

 private:
  static constexpr unsigned kParcelsPerPump = 64;

  void begin_anew() {
    self().forget();
    builder_.clear();
    control_sent_ = control_received_ = 0;
    waiting_ = false;
    ring_ = false;
    marks_ = 0;
  }

  const char* reason_ = nullptr;
  bool untold_ = false;
  bool waiting_ = false;  ///< arrived_ has come before a control message that was sent before it.
  bool ring_ = false;
  std::uint64_t rings_ = 0;
  Arrived arrived_;
};

}  // namespace hawser::virtio::courier
