// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Features that say how a ring works, not what a device does: each side of a courier agrees on them with its own neighbor
// only, so they are exchanged in the messages that pass by.
#pragma once

#include <hawser/virtio/courier/control.hpp>
#include <hawser/virtio/features.hpp>
#include <hawser/virtio/spec.hpp>

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio::courier {

inline constexpr Features kRingBits{VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_PACKED,
                                    VIRTIO_F_IN_ORDER, VIRTIO_F_NOTIFICATION_DATA};

/// What a courier's own half of a ring can do. Completions come back in any order, so never IN_ORDER.
inline constexpr Features kCourierRing{VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_PACKED};

/// Rewrites the ring bits in a run: they become what `put` has. Returns all bits of the run as they were.
inline Features exchange_ring_bits(const FeatureRun& run, const Features& put) {
  Features before;
  for (std::size_t n = 0; n < run.blocks(); ++n) {
    const auto at = run.words.subspan(n * sizeof(le32));
    const std::uint32_t word = read_wire<le32>(at).value_or(le32(0));
    const std::uint32_t ring = kRingBits.block(run.first + n);
    before.set_block(run.first + n, word);
    (void)write_wire(at, le32((word & ~ring) | (put.block(run.first + n) & ring)));
  }
  return before;
}

/// Takes over from `said` the blocks that a run has.
inline void take_run(Features& into, const FeatureRun& run, const Features& said) {
  for (std::size_t n = 0; n < run.blocks(); ++n) into.set_block(run.first + n, said.block(run.first + n));
}

/// What one device and its courier agree on. As the device has it: what was chosen last before FEATURES_OK holds from then
/// on until the reset, whatever is said meanwhile.
class RingTerms {
 public:
  /// The device's offer, on its way out.
  void offer(const FeatureRun& run) { take_run(offered_, run, exchange_ring_bits(run, {})); }

  /// The driver's choice, on its way to the device, which is to use those of `wanted` that it offers.
  void choose(const FeatureRun& run, const Features& wanted) {
    const Features put = offered_ & wanted;
    const Features said = exchange_ring_bits(run, put);
    if (!agreed_) take_run(chosen_, run, put | (said & Features{VIRTIO_F_RING_RESET}));
  }

  /// The device has told its status.
  void told(std::uint32_t status) {
    if (status == 0) return forget();
    agreed_ = agreed_ || (status & VIRTIO_STATUS_FEATURES_OK) != 0;
  }

  void forget() {
    chosen_ = {};
    agreed_ = false;
  }

  bool agreed() const { return agreed_; }
  /// Ring bits, and RING_RESET. Final once agreed().
  const Features& chosen() const { return chosen_; }

 private:
  Features offered_;  ///< Whatever else the device offers, too.
  Features chosen_;
  bool agreed_ = false;
};

}  // namespace hawser::virtio::courier
