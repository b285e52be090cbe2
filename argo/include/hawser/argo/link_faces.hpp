// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a link over Argo shows to its users besides itself: bell, channel and parcels, each with its own small contract.
#pragma once

#include <hawser/argo/spec.hpp>

#include <hawser/transport/link.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::argo {

template <class L>
class LinkBell {
 public:
  /// Free just after a send, which raised the peer's VIRQ.
  void ring() {
    ++link_.counters_.rings_asked;
    if (link_.state_ != LinkState::kUp || std::exchange(link_.rang_, false)) return;
    link_.ring_owed_ = true;
    link_.send_marks();
  }
  void ring(Mark mark) {
    ++link_.counters_.rings_asked;
    if (link_.state_ != LinkState::kUp) return;
    link_.marks_owed_ |= mark.bit();
    link_.send_marks();
  }
  Marks take() {
    link_.look();
    return std::exchange(link_.marks_, 0);
  }
  // VIRQ_ARGO comes for every message, asked for or not, and the port loses none: nothing to arm.
  void arm() {}
  void disarm() {}
  Wake wait(Instant until) {
    link_.settle();
    if (std::exchange(link_.again_, false)) return Wake::kRung;
    const Wake wake = link_.port_.wait(until);
    if (wake == Wake::kRung) ++link_.counters_.wakes;
    return wake;
  }

 private:
  friend L;
  explicit LinkBell(L& link) : link_(link) {}
  L& link_;
};

template <class L>
class LinkChannel {
 public:
  std::size_t mtu() const { return link_.channel_mtu_; }
  Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts) {
    return link_.send_message(parts);
  }
  Result<std::size_t, ReceiveError> try_receive(std::span<std::byte> to) { return link_.receive_message(to); }

 private:
  friend L;
  explicit LinkChannel(L& link) : link_(link) {}
  L& link_;
};

template <class L>
class LinkParcels {
 public:
  static constexpr std::size_t kMaxParts = XEN_ARGO_MAXIOV;
  std::size_t mtu() const { return link_.data_mtu_; }
  /// Parts that lie in the port's memory are copied by nobody but the hypervisor.
  Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts) {
    return link_.send_parcel(parts);
  }
  Result<Parcel, ReceiveError> try_receive() { return link_.receive_parcel(); }
  void release(std::uint32_t number) { link_.release_parcel(number); }

 private:
  friend L;
  explicit LinkParcels(L& link) : link_(link) {}
  L& link_;
};

}  // namespace hawser::argo
