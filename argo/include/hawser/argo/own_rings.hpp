// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The two rings on which one end of a link receives: registered, looked after, withdrawn.
#pragma once

#include <hawser/argo/calls.hpp>
#include <hawser/argo/frames.hpp>
#include <hawser/argo/link_options.hpp>
#include <hawser/argo/ring.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace hawser::argo {

/// @tparam kMaxHeld  so many parcels may be unreleased at a time; a power of two.
template <Port P, std::size_t kMaxHeld>
class OwnRings {
 public:
  /// Without memory there are none, and nothing but RingId may be asked for.
  OwnRings(const LinkOptions& options, const LinkMemory& memory)
      : number_(options.number), role_(options.role), peer_(options.peer) {
    if (memory.control.empty()) return;
    control = ReceiveRing(memory.control, control_held_);
    data = ReceiveRing(memory.data, data_held_);
  }
  OwnRings(const OwnRings&) = delete;
  OwnRings& operator=(const OwnRings&) = delete;

  RingId id(RingKind kind) const { return {port_of(number_, role_, kind), peer_}; }

  /// Empty, and open to the peer. An error leaves them as they were, or half of them.
  Result<void, Error> announce(Calls<P>& calls) {
    control.clear();
    data.clear();
    exposed_ = true;
    HAWSER_CHECK(calls.register_ring(id(RingKind::kControl), control.memory()));
    return calls.register_ring(id(RingKind::kData), data.memory());
  }

  /// Their memory is this end's own again. That there were none is no error.
  Result<void, Error> withdraw(Calls<P>& calls) {
    Result<void, Error> result;
    for (const RingKind kind : {RingKind::kControl, RingKind::kData}) {
      const auto gone = calls.unregister_ring(id(kind));
      if (!gone.ok() && gone.error() != Error::kNoSuchRing && result.ok()) result = gone;
    }
    if (result.ok()) exposed_ = false;
    return result;
  }

  /// Xen may write to their memory: since announce(), whether it succeeded or not, until withdraw() has.
  bool exposed() const { return exposed_; }

  /// Xen removes our rings when the peer's domain is destroyed, and tells nobody: a new domain of that id finds none.
  /// False: they were gone, and one may be there again.
  Result<bool, Error> still_registered(Calls<P>& calls) {
    const auto made = calls.register_ring(id(RingKind::kControl), control.memory(), true);
    if (made.ok() || passing(made.error())) return false;
    // With 128 rings Xen says so before it looks for this one.
    if (made.error() == Error::kRingExists || made.error() == Error::kTooManyRings) return true;
    return Err{made.error()};
  }

 private:
  std::uint32_t number_;
  Role role_;
  std::uint16_t peer_;
  bool exposed_ = false;
  std::array<ReceiveRing::Held, 1> control_held_;
  std::array<ReceiveRing::Held, kMaxHeld> data_held_;
  static_assert(power_of_two(kMaxHeld));

 public:
  ReceiveRing control;
  ReceiveRing data;
};

}  // namespace hawser::argo
