// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two ends of a copied link in one thread, for couriers: a message queue and a ring of parcels each way. Stricter than a
// carrier needs to be: rings are small, parcels wrap, what was released is poisoned at once, and time is virtual.
#pragma once

#include <hawser/transport/link.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <span>
#include <stdexcept>
#include <vector>

namespace hawser::test {

class CopiedEnd;

struct CopiedOptions {
  std::size_t mtu = 264;
  std::size_t depth = 8;       ///< Control messages on their way.
  std::size_t parcel_mtu = 0;  ///< 0: the ring but 64 bytes.
};

/// Parcels as Argo carries them: 16 bytes of header, multiples of 16, wrapping byte-exactly.
class ParcelRing {
 public:
  static constexpr std::size_t kMaxParts = 8;

  ParcelRing() = default;
  ParcelRing(std::span<std::byte> bytes, std::size_t mtu) : bytes_(bytes), mtu_(mtu) {}

  std::size_t mtu() const { return mtu_; }

  bool put(std::span<const std::span<const std::byte>> parts, std::size_t size) {
    const std::size_t slot = 16 + (size + 15) / 16 * 16;
    if (used_ + slot + 16 > bytes_.size()) return false;
    Message message{number_++, (tail_ + 16) % bytes_.size(), size, slot, false, false};
    std::size_t at = message.at;
    for (const auto& part : parts)
      for (const std::byte byte : part) {
        bytes_[at] = byte;
        at = (at + 1) % bytes_.size();
      }
    tail_ = (tail_ + slot) % bytes_.size();
    used_ += slot;
    messages_.push_back(message);
    return true;
  }

  Result<Parcel, ReceiveError> take() {
    for (Message& message : messages_) {
      if (message.taken) continue;
      message.taken = true;
      Parcel parcel;
      parcel.number = message.number;
      const std::size_t first = std::min(message.size, bytes_.size() - message.at);
      parcel.parts = {bytes_.subspan(message.at, first), bytes_.first(message.size - first)};
      return parcel;
    }
    return Err{ReceiveError::kEmpty};
  }

  /// True: room was made.
  bool release(std::uint32_t number) {
    const auto found = std::find_if(messages_.begin(), messages_.end(),
                                    [&](const Message& m) { return m.number == number; });
    if (found == messages_.end() || !found->taken || found->released)
      throw std::logic_error("a parcel released twice");
    found->released = true;
    for (std::size_t n = 0; n < found->size; ++n) bytes_[(found->at + n) % bytes_.size()] = std::byte{0xdb};
    bool room = false;
    while (!messages_.empty() && messages_.front().released) {
      used_ -= messages_.front().slot;
      messages_.pop_front();
      room = true;
    }
    return room;
  }

  std::size_t held() const { return messages_.size(); }
  void clear() {
    messages_.clear();
    used_ = tail_ = 0;
  }

 private:
  struct Message {
    std::uint32_t number;
    std::size_t at, size, slot;
    bool taken, released;
  };

  std::span<std::byte> bytes_;
  std::size_t mtu_ = 0;
  std::deque<Message> messages_;
  std::size_t tail_ = 0;
  std::size_t used_ = 0;
  std::uint32_t number_ = 7;
};

/// What both ends share: time, and whether they are connected.
struct CopiedWorld {
  std::uint64_t ns = 1'000'000;
  bool connected = true;
  std::uint32_t generation = 1;
};

class CopiedEnd {
 public:
  using MemoryType = RegionMemory;

  class ChannelType {
   public:
    explicit ChannelType(CopiedEnd& end) : end_(end) {}
    std::size_t mtu() const { return end_.options_.mtu; }
    Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts) {
      if (end_.state_ != LinkState::kUp) return Err{SendError::kDown};
      std::vector<std::byte> whole;
      for (const auto& part : parts) whole.insert(whole.end(), part.begin(), part.end());
      if (whole.size() > mtu()) return Err{SendError::kTooBig};
      if (end_.peer_->inbox_.size() >= end_.options_.depth) return Err{SendError::kFull};
      end_.peer_->inbox_.push_back(std::move(whole));
      ++end_.counters_.messages_sent;
      return {};
    }
    Result<std::size_t, ReceiveError> try_receive(std::span<std::byte> to) {
      if (end_.state_ != LinkState::kUp) return Err{ReceiveError::kDown};
      if (end_.hold_control_ || end_.inbox_.empty()) return Err{ReceiveError::kEmpty};
      const auto& front = end_.inbox_.front();
      if (front.size() > to.size()) return Err{ReceiveError::kTooSmall};
      const std::size_t size = front.size();
      std::copy(front.begin(), front.end(), to.begin());
      end_.inbox_.pop_front();
      ++end_.counters_.messages_received;
      end_.peer_->rung_ = true;
      return size;
    }

   private:
    CopiedEnd& end_;
  };

  class BellType {
   public:
    explicit BellType(CopiedEnd& end) : end_(end) {}
    void ring() {
      ++end_.counters_.rings_asked;
      end_.peer_->rung_ = true;
    }
    void ring(Mark mark) {
      end_.peer_->marks_ |= mark.bit();
      ring();
    }
    Marks take() { return std::exchange(end_.marks_, 0); }
    void arm() {}
    void disarm() {}
    Wake wait(Instant until) {
      for (unsigned turn = 0; turn < 4 && !end_.rung_; ++turn) {
        if (end_.peer_->on_idle) end_.peer_->on_idle();
        end_.world_.ns += 1000;
      }
      if (std::exchange(end_.rung_, false)) return Wake::kRung;
      end_.world_.ns = std::max(end_.world_.ns, until.ns);
      return Wake::kTimeout;
    }

   private:
    CopiedEnd& end_;
  };

  class ParcelChannelType {
   public:
    static constexpr std::size_t kMaxParts = ParcelRing::kMaxParts;
    explicit ParcelChannelType(CopiedEnd& end) : end_(end) {}
    std::size_t mtu() const { return end_.peer_->ring_.mtu(); }
    Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts) {
      if (end_.state_ != LinkState::kUp) return Err{SendError::kDown};
      std::size_t size = 0;
      std::size_t used = 0;
      for (const auto& part : parts) {
        size += part.size();
        used += part.empty() ? 0 : 1;
      }
      if (size > mtu() || used > kMaxParts) return Err{SendError::kTooBig};
      if (end_.full_ || !end_.peer_->ring_.put(parts, size)) return Err{SendError::kFull};
      ++end_.parcels_sent;
      return {};
    }
    Result<Parcel, ReceiveError> try_receive() {
      if (end_.state_ != LinkState::kUp) return Err{ReceiveError::kDown};
      return end_.ring_.take();
    }
    void release(std::uint32_t number) {
      if (end_.ring_.release(number)) end_.peer_->rung_ = true;
    }

   private:
    CopiedEnd& end_;
  };

  CopiedEnd(CopiedWorld& world, const CopiedOptions& options, std::span<std::byte> ring)
      : world_(world),
        options_(options),
        ring_(ring, options.parcel_mtu != 0 ? options.parcel_mtu : ring.size() - 64),
        channel_(*this),
        bell_(*this),
        parcels_(*this) {}
  CopiedEnd(const CopiedEnd&) = delete;
  CopiedEnd& operator=(const CopiedEnd&) = delete;

  static void connect(CopiedEnd& one, CopiedEnd& other) {
    one.peer_ = &other;
    other.peer_ = &one;
  }

  LinkEvent poll() {
    world_.ns += 50;
    if (state_ == LinkState::kUp) {
      if (world_.connected && joined_ == world_.generation) return LinkEvent::kNothing;
      state_ = LinkState::kDown;
      joined_ = 0;
      return LinkEvent::kWentDown;
    }
    if (!world_.connected) return LinkEvent::kNothing;
    if (joined_ != world_.generation) {  // before the peer can be up, so nothing new is lost
      joined_ = world_.generation;
      inbox_.clear();
      ring_.clear();
    }
    if (peer_->joined_ != joined_) return LinkEvent::kNothing;
    state_ = LinkState::kUp;
    return LinkEvent::kWentUp;
  }
  LinkState state() const { return state_; }
  Epoch epoch() const { return {joined_, joined_}; }
  Visibility visibility() const { return Visibility::kCopied; }
  const char* broken_reason() const { return ""; }
  ChannelType& channel() { return channel_; }
  BellType& bell() { return bell_; }
  ParcelChannelType& parcels() { return parcels_; }
  RegionMemory region() const { return {}; }
  void reset() {
    ++world_.generation;
    joined_ = 0;
    state_ = LinkState::kDown;
  }
  Instant now() const {
    world_.ns += 50;
    return Instant{world_.ns};
  }
  LinkCounters counters() const { return counters_; }
  BrokenBy broken_by() const { return BrokenBy::kNothing; }
  bool holds_end() const { return true; }
  void leave() { world_.connected = false; }

  /// What to run for this end while the other one waits.
  std::function<void()> on_idle;
  std::uint64_t parcels_sent = 0;
  void hold_control(bool on) { hold_control_ = on; }
  void say_full(bool on) { full_ = on; }
  ParcelRing& ring() { return ring_; }

 private:
  CopiedWorld& world_;
  const CopiedOptions options_;
  ParcelRing ring_;
  ChannelType channel_;
  BellType bell_;
  ParcelChannelType parcels_;
  CopiedEnd* peer_ = nullptr;
  std::deque<std::vector<std::byte>> inbox_;
  LinkState state_ = LinkState::kDown;
  std::uint32_t joined_ = 0;
  Marks marks_ = 0;
  bool rung_ = false;
  bool hold_control_ = false;
  bool full_ = false;
  LinkCounters counters_;
};

static_assert(CopiedLink<CopiedEnd> && ManagedLink<CopiedEnd>);

}  // namespace hawser::test
