// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Received parcels whose bytes are used where they lie: each stays in the carrier's ring until its last user is done.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace hawser::virtio::courier {

template <std::uint16_t kParcels>
class LandedParcels {
 public:
  static constexpr std::uint16_t kNone = 0xffff;

  /// kNone: all places are taken.
  std::uint16_t free_place() const {
    for (std::uint16_t n = 0; n < kParcels; ++n)
      if (parcels_[n].users == 0) return n;
    return kNone;
  }

  /// Its first user is whoever reads it.
  void land(std::uint16_t place, std::uint32_t number) { parcels_[place] = {number, 1}; }
  void use(std::uint16_t place) { ++parcels_[place].users; }
  /// The number of the parcel, if that was its last user.
  std::optional<std::uint32_t> drop(std::uint16_t place) {
    if (--parcels_[place].users != 0) return std::nullopt;
    return parcels_[place].number;
  }

  void clear() { parcels_ = {}; }

 private:
  struct Landed {
    std::uint32_t number = 0;
    std::uint32_t users = 0;  ///< 0: a free place.
  };
  std::array<Landed, kParcels> parcels_{};
};

}  // namespace hawser::virtio::courier
