// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Pairs of loopback ends for the suite: shared, copied, with fixed slots, and with the faults that the contract
// allows. Late and spurious rings are two pairs: a spurious mark would hide that a late one was lost.
#pragma once

#include "conformance/bench.hpp"

#include <hawser/transport/loopback.hpp>

#include <memory>

namespace hawser::conformance {

#ifdef HAWSER_LOOPBACK_THREADED
inline constexpr bool kLoopbackThreads = true;
#else
inline constexpr bool kLoopbackThreads = false;
#endif

constexpr loopback::Which which(End end) {
  return end == End::kFirst ? loopback::Which::kFirst : loopback::Which::kSecond;
}

enum class Trouble : std::uint8_t {
  kNone,
  kLateRings,
  kSpuriousRings
};

template <Visibility kVisibility, bool kFixedSlots = false, Trouble kTrouble = Trouble::kNone>
class LoopbackPair {
 public:
  using LinkType = loopback::Link;
  static constexpr bool kTwoThreads = kLoopbackThreads;
  static constexpr bool kRingsMayBeLate = kTrouble == Trouble::kLateRings;
  static constexpr Duration kSilence = milliseconds(400);

  explicit LoopbackPair(std::uint64_t seed)
      : pair_(*storage_,
              {.visibility = kVisibility, .seed = seed, .fixed_slots = kFixedSlots, .silence = kSilence}) {
    trouble(End::kFirst);
    trouble(End::kSecond);
  }

  loopback::Link& first() { return pair_.first(); }
  loopback::Link& second() { return pair_.second(); }
  void kill(End end) { pair_.kill(which(end)); }
  void revive(End end) {
    pair_.revive(which(end));
    trouble(end);
  }
  void advance(Duration span) { pair_.advance(span); }

  void misbehave(End end) { pair_.misbehave(which(end), static_cast<loopback::Misdeed>(misdeeds_++ % 3)); }
  std::span<std::byte> control_bytes() { return pair_.control(); }

 private:
  void trouble(End end) {
    loopback::Faults& faults = pair_.end(which(end)).faults();
    if (kTrouble == Trouble::kNone) return;
    faults.full = 10;
    if (kTrouble == Trouble::kSpuriousRings) faults.spurious_rings = 20;
    if (kTrouble == Trouble::kLateRings)
      faults.delay_rings = faults.duplicate_rings = faults.reorder_rings = 20;
  }

  using Storage = loopback::Storage<256, 6, 16384>;
  std::unique_ptr<Storage> storage_ = std::make_unique<Storage>();
  loopback::Pair pair_;
  static inline unsigned misdeeds_ = 0;
};

using LoopbackShared = LoopbackPair<Visibility::kShared>;
using LoopbackCopied = LoopbackPair<Visibility::kCopied>;
using LoopbackFixedSlots = LoopbackPair<Visibility::kCopied, true>;
using LoopbackLate = LoopbackPair<Visibility::kShared, false, Trouble::kLateRings>;
using LoopbackSpurious = LoopbackPair<Visibility::kShared, false, Trouble::kSpuriousRings>;

}  // namespace hawser::conformance

TYPE_TO_STRING_AS("loopback shared", hawser::conformance::LoopbackShared);
TYPE_TO_STRING_AS("loopback copied", hawser::conformance::LoopbackCopied);
TYPE_TO_STRING_AS("loopback with fixed slots", hawser::conformance::LoopbackFixedSlots);
TYPE_TO_STRING_AS("loopback with late rings", hawser::conformance::LoopbackLate);
TYPE_TO_STRING_AS("loopback with spurious rings", hawser::conformance::LoopbackSpurious);
