// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the two forms of the loopback link do differently: time, sleep, and mutual exclusion of the bells.
// Everything else is common to both.
#pragma once

#include <hawser/transport/loopback.hpp>

namespace hawser::loopback {

/// One clock for both ends here; each Link adds its own start to it.
struct Carrier {
  static void start(Pair& pair);
  static void stop(Pair& pair);

  static bool virtual_time();
  static Instant now(Pair& pair);
  static void pass(Pair& pair, Duration span);

  static void lock(Pair& pair);
  static void unlock(Pair& pair);

  /// Called with the lock held, which it gives up while it sleeps. Returns at wake(), at `until`, or earlier.
  /// `round` counts the calls within one wait().
  static void sleep(Pair& pair, Which which, Instant until, unsigned round);
  static void wake(Pair& pair, Which which);

  static void step(Link& link) {
    if (link.step_ != nullptr && load_once(&link.dead_) == 0) link.step_(link.step_context_);
  }
  template <class T>
  static T& state(Pair& pair) {
    static_assert(sizeof(T) <= sizeof(pair.carrier_) && alignof(T) <= 16);
    return *std::launder(reinterpret_cast<T*>(pair.carrier_.data()));
  }
  static void* storage(Pair& pair) { return pair.carrier_.data(); }
};

class CarrierLock {
 public:
  explicit CarrierLock(Pair& pair) : pair_(pair) { Carrier::lock(pair_); }
  ~CarrierLock() { Carrier::unlock(pair_); }
  CarrierLock(const CarrierLock&) = delete;
  CarrierLock& operator=(const CarrierLock&) = delete;

 private:
  Pair& pair_;
};

/// Positions of the words that an end publishes. One writer each; a line apart where both ends are busy.
inline constexpr std::size_t kAgreementAt = 0;  ///< 64 bits: see agreement().
inline constexpr std::size_t kBeatAt = 8;       ///< 32 bits: changes with each poll.
inline constexpr std::size_t kSentAt = 64;      ///< 32 bits: messages sent, counted from kFirstCount.
inline constexpr std::size_t kTakenAt = 128;    ///< 32 bits: messages taken, counted from kFirstCount.
inline constexpr std::size_t kWordBytes = 192;

/// An end's own epoch (0 while it is not there), and the peer's epoch that it has prepared for (0: none yet). One
/// word, because a new number of the one must never be seen beside an old number of the other.
constexpr std::uint64_t agreement(std::uint32_t epoch, std::uint32_t seen) {
  return epoch | std::uint64_t{seen} << 32;
}

/// A slot: the length, then the message.
inline constexpr std::size_t kLengthAt = 0;
inline constexpr std::size_t kPayloadAt = 4;

/// Counters begin shortly before they wrap, so that every test goes through it.
inline constexpr std::uint32_t kFirstCount = UINT32_MAX - 5;

inline constexpr std::byte kPoison{0xdb};

}  // namespace hawser::loopback
