// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A link that is one of two kinds, chosen when the program starts: what stands on it is compiled once, not twice. The
// choice is a branch a call, always taken the same way.
#pragma once

#include <hawser/transport/link.hpp>

#include <cstddef>
#include <span>
#include <type_traits>

namespace hawser::app {

/// The link that it was made from outlives it.
template <ManagedLink A, ManagedLink B>
class EitherLink {
  static_assert(std::is_same_v<typename A::MemoryType, typename B::MemoryType>);

 public:
  using MemoryType = typename A::MemoryType;

  class ChannelType {
   public:
    explicit ChannelType(EitherLink& link) : link_(link) {}
    std::size_t mtu() const {
      return link_.of([](auto& link) { return link.channel().mtu(); });
    }
    Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts) {
      return link_.of([&](auto& link) { return link.channel().try_send(parts); });
    }
    Result<std::size_t, ReceiveError> try_receive(std::span<std::byte> to) {
      return link_.of([&](auto& link) { return link.channel().try_receive(to); });
    }

   private:
    EitherLink& link_;
  };

  class BellType {
   public:
    explicit BellType(EitherLink& link) : link_(link) {}
    void ring() {
      link_.of([](auto& link) { link.bell().ring(); });
    }
    void ring(Mark mark) {
      link_.of([&](auto& link) { link.bell().ring(mark); });
    }
    Marks take() {
      return link_.of([](auto& link) { return link.bell().take(); });
    }
    void arm() {
      link_.of([](auto& link) { link.bell().arm(); });
    }
    void disarm() {
      link_.of([](auto& link) { link.bell().disarm(); });
    }
    Wake wait(Instant until) {
      return link_.of([&](auto& link) { return link.bell().wait(until); });
    }

   private:
    EitherLink& link_;
  };

  explicit EitherLink(A& link) : a_(&link), channel_(*this), bell_(*this) {}
  explicit EitherLink(B& link) : b_(&link), channel_(*this), bell_(*this) {}
  EitherLink(const EitherLink&) = delete;
  EitherLink& operator=(const EitherLink&) = delete;

  LinkEvent poll() {
    return of([](auto& link) { return link.poll(); });
  }
  LinkState state() const {
    return of([](auto& link) { return link.state(); });
  }
  Epoch epoch() const {
    return of([](auto& link) { return link.epoch(); });
  }
  Visibility visibility() const {
    return of([](auto& link) { return link.visibility(); });
  }
  const char* broken_reason() const {
    return of([](auto& link) { return link.broken_reason(); });
  }
  BrokenBy broken_by() const {
    return of([](auto& link) { return link.broken_by(); });
  }
  bool holds_end() const {
    return of([](auto& link) { return link.holds_end(); });
  }
  ChannelType& channel() { return channel_; }
  BellType& bell() { return bell_; }
  MemoryType region() const {
    return of([](auto& link) { return link.region(); });
  }
  void reset() {
    of([](auto& link) { link.reset(); });
  }
  void leave() {
    of([](auto& link) { link.leave(); });
  }
  Instant now() const {
    return of([](auto& link) { return link.now(); });
  }
  LinkCounters counters() const {
    return of([](auto& link) { return link.counters(); });
  }

 private:
  template <class F>
  auto of(F&& f) const {
    return a_ != nullptr ? f(*a_) : f(*b_);
  }

  A* a_ = nullptr;
  B* b_ = nullptr;
  ChannelType channel_;
  BellType bell_;
};

}  // namespace hawser::app
