// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Received parcels whose bytes are used where they lie: each stays in the carrier's ring until its last user is done.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace hawser::virtio::courier {

template <std::uint16_t kParcels>
class LandedParcels {
 public:
  static constexpr std::uint16_t kNone = 0xffff;

  LandedParcels() { clear(); }

  bool full() const { return free_ == kNone; }

  /// The parcel's place; its first user is whoever reads it. The caller has asked full().
  std::uint16_t land(std::uint32_t number) {
    const std::uint16_t place = std::exchange(free_, parcels_[free_].next);
    parcels_[place] = {number, 1, kNone};
    return place;
  }
  void use(std::uint16_t place) { ++parcels_[place].users; }
  /// The number of the parcel, if that was its last user.
  std::optional<std::uint32_t> drop(std::uint16_t place) {
    if (--parcels_[place].users != 0) return std::nullopt;
    parcels_[place].next = std::exchange(free_, place);
    return parcels_[place].number;
  }

  void clear() {
    for (std::uint16_t n = 0; n < kParcels; ++n)
      parcels_[n].next = n + 1 < kParcels ? static_cast<std::uint16_t>(n + 1) : kNone;
    free_ = 0;
  }

 private:
  struct Landed {
    std::uint32_t number = 0;
    std::uint16_t users = 0;
    std::uint16_t next = kNone;  ///< Of the free places.
  };
  std::array<Landed, kParcels> parcels_{};
  std::uint16_t free_ = 0;
};

}  // namespace hawser::virtio::courier
