// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Argo's Port where hypercalls go to a broker through a window with a doorbell: in a process, and in a guest that has
// the window as an ivshmem device.
#pragma once

#include <hawser/argo/broker_page.hpp>
#include <hawser/argo/error.hpp>
#include <hawser/argo/port.hpp>
#include <hawser/argo/spec.hpp>
#include <hawser/transport/memory.hpp>
#include <hawser/transport/order.hpp>
#include <hawser/transport/result.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::argo {

/// A window that others see too, and their doorbells: what an ivshmem port is.
template <class W>
concept DoorbellWindow = requires(W& window, const W& cwindow, std::uint16_t id, std::uint16_t vector,
                                  Instant until) {
  { cwindow.memory() } -> std::same_as<std::span<std::byte>>;
  { window.ring(id, vector) } -> std::same_as<void>;
  { window.wait(until) } -> std::same_as<Wake>;
  { cwindow.now() } -> std::same_as<Instant>;
};

enum class AttachError : std::uint8_t {
  kNoBroker,      ///< What shares the window is no broker: its first page does not say so.
  kOtherVersion,  ///< The broker speaks another version of the page.
  kNoAnswer,      ///< The broker did not answer in time.
};

constexpr const char* describe(AttachError error) {
  switch (error) {
    case AttachError::kNoBroker:
      return "what shares this window is no Argo broker: start one with hawser argo-broker";
    case AttachError::kOtherVersion:
      return "the Argo broker speaks another version: use broker and guest of the same release";
    case AttachError::kNoAnswer:
      return "the Argo broker does not answer";
  }
  return "";
}

struct BrokerPortOptions {
  Duration spin = microseconds(30);  ///< How long to look for a hypercall's end before sleeping.
  Duration patience =
      seconds(5);  ///< After that the broker is lost: every hypercall gives kBrokerGone from then on.
};

/// One domain, from attach() on. Satisfies argo::Port; `W` must outlive it, and waits on it elsewhere take its signals.
/// A broker that is lost does not come back to this object: make a new window and a new port.
template <DoorbellWindow W>
class BrokerPort {
 public:
  explicit BrokerPort(W& window, BrokerPortOptions options = {}) : window_(window), options_(options) {}
  BrokerPort(const BrokerPort&) = delete;
  BrokerPort& operator=(const BrokerPort&) = delete;

  /// Before anything else. A domain that starts again in the same window loses what it had registered.
  Result<void, AttachError> attach() {
    const auto memory = window_.memory();
    if (memory.size() < 2 * kPageBytes) return Err{AttachError::kNoBroker};
    page_ = *RegionMemory(memory).area(Offset(0), kPageBytes, alignof(std::uint64_t));
    if (page_.template load<std::uint64_t>(page::kHeaderAt + offsetof(page::Header, magic)) != page::kMagic) {
      return Err{AttachError::kNoBroker};
    }
    if (header(offsetof(page::Header, version)) != page::kVersion) return Err{AttachError::kOtherVersion};
    domain_ = static_cast<std::uint16_t>(header(offsetof(page::Header, domain)));
    broker_ = static_cast<std::uint16_t>(header(offsetof(page::Header, broker)));
    lost_ = false;
    // A request of this domain's life before may be on its way.
    const Instant deadline = now() + options_.patience;
    for (sequence_ = load_request(); sequence_ != done(); nap(deadline)) {
      if (now() >= deadline) return Err{AttachError::kNoAnswer};
      window_.ring(broker_, page::kRequest);
    }
    const std::int64_t result = raw(page::kAttach, page::kVersion, 0, 0, 0);
    taken_ = waited_ = signals();
    if (lost_) return Err{AttachError::kNoAnswer};
    if (result != 0) return Err{AttachError::kOtherVersion};
    return {};
  }

  /// This domain's id.
  std::uint16_t domain() const { return domain_; }
  /// The broker is gone, or was silent for too long.
  bool lost() const { return lost_; }

  // argo::Port.
  std::span<std::byte> memory() const { return window_.memory().subspan(kPageBytes); }
  std::uint64_t frame(const std::byte* page) const {
    return static_cast<std::uint64_t>(page - window_.memory().data()) / kPageBytes;
  }
  std::int64_t hypercall(Command command, void* arg1, void* arg2, std::uint32_t arg3, std::uint32_t arg4) {
    return raw(static_cast<std::uint32_t>(command), address(arg1), address(arg2), arg3, arg4);
  }
  bool take_signal() {
    const std::uint32_t before = taken_;
    taken_ = signals();
    return taken_ != before;
  }
  Wake wait(Instant until) {
    set_idle(1);
    full_fence_before_recheck();  // partner: the broker's, between the signal's count and its look at `idle`
    Wake wake = Wake::kRung;
    if (!std::exchange(others_ready_, false) && signals() == waited_) wake = window_.wait(until);
    set_idle(0);
    const std::uint32_t before = waited_;
    waited_ = signals();
    return wake == Wake::kTimeout && waited_ != before ? Wake::kRung : wake;
  }
  Instant now() const { return window_.now(); }

  /// Any command, with arguments as wide as Xen's registers.
  std::int64_t raw(std::uint32_t command, std::uint64_t arg1, std::uint64_t arg2, std::uint64_t arg3,
                   std::uint64_t arg4) {
    constexpr auto kGone = -static_cast<std::int64_t>(Error::kBrokerGone);
    if (lost_) return kGone;
    const auto put = [&](std::size_t at, std::uint64_t value) { page_.store(page::kRequestAt + at, value); };
    page_.store(page::kRequestAt + offsetof(page::Request, command), command);
    put(offsetof(page::Request, arg1), arg1);
    put(offsetof(page::Request, arg2), arg2);
    put(offsetof(page::Request, arg3), arg3);
    put(offsetof(page::Request, arg4), arg4);
    put(offsetof(page::Request, base), address(window_.memory().data()));
    page_.publish(page::kRequestAt + offsetof(page::Request, sequence), ++sequence_);
    window_.ring(broker_, page::kRequest);
    if (!finished()) {
      lost_ = true;
      return kGone;
    }
    return static_cast<std::int64_t>(
        page_.template load<std::uint64_t>(page::kDoneAt + offsetof(page::Done, result)));
  }

 private:
  static std::uint64_t address(const void* at) { return reinterpret_cast<std::uintptr_t>(at); }

  std::uint32_t header(std::size_t at) const {
    return page_.template load<std::uint32_t>(page::kHeaderAt + at);
  }
  std::uint32_t load_request() const {
    return page_.template load<std::uint32_t>(page::kRequestAt + offsetof(page::Request, sequence));
  }
  std::uint32_t done() const {
    return page_.template observe<std::uint32_t>(page::kDoneAt + offsetof(page::Done, sequence));
  }
  std::uint32_t signals() const {
    return page_.template observe<std::uint32_t>(page::kSignalsAt + offsetof(page::Signals, count));
  }
  void set_idle(std::uint32_t idle) { page_.store(page::kRequestAt + offsetof(page::Request, idle), idle); }

  /// Sleeps, for a while at most: a doorbell that is lost costs time, nothing else.
  void nap(Instant deadline) {
    (void)window_.wait(std::min(deadline, now() + milliseconds(10)));
    // What else is waited for here may say only once that there is something: the next wait() hands that on.
    if constexpr (requires { window_.ready(); }) others_ready_ |= !window_.ready().empty();
  }

  bool broker_alive() const {
    if constexpr (requires { window_.server_alive(); }) return window_.server_alive();
    return true;
  }

  /// Waits for the request that was made. False: it takes too long, or the broker is gone.
  bool finished() {
    constexpr unsigned kLooksBetweenClocks = 64;
    const Instant start = now();
    for (Instant t = start; elapsed(start, t) < options_.spin; t = now()) {
      for (unsigned i = 0; i < kLooksBetweenClocks; ++i) {
        if (done() == sequence_) return true;
        spin_hint();
      }
    }
    const Instant deadline = start + options_.patience;
    set_idle(1);
    full_fence_before_recheck();  // partner: the broker's, between `done` and its look at `idle`
    bool in_time = true;
    while (done() != sequence_ && (in_time = now() < deadline && broker_alive())) nap(deadline);
    set_idle(0);
    return in_time;
  }

  W& window_;
  BrokerPortOptions options_;
  RegionMemory::Area page_;
  std::uint32_t sequence_ = 0;
  std::uint32_t taken_ = 0;
  std::uint32_t waited_ = 0;
  std::uint16_t domain_ = 0;
  std::uint16_t broker_ = 0;
  bool lost_ = true;
  bool others_ready_ =
      false;  ///< A descriptor watched in the window became ready while a hypercall was waited for.
};

}  // namespace hawser::argo
