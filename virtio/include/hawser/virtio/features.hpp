// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A set of feature bits (VIRTIO 1.3 §2.2). 128 bits: what virtio-msg carries as blocks of 32.
#pragma once

#include <hawser/virtio/spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace hawser::virtio {

class Features {
 public:
  static constexpr unsigned kBits = 128;
  static constexpr unsigned kBlocks = kBits / 32;

  constexpr Features() = default;
  constexpr Features(std::initializer_list<unsigned> bits) {
    for (unsigned bit : bits) set(bit);
  }

  constexpr bool has(unsigned bit) const {
    return bit < kBits && ((blocks_[bit / 32] >> (bit % 32)) & 1) != 0;
  }
  constexpr void set(unsigned bit, bool on = true) {
    if (bit >= kBits) return;
    const std::uint32_t mask = std::uint32_t{1} << (bit % 32);
    blocks_[bit / 32] = on ? blocks_[bit / 32] | mask : blocks_[bit / 32] & ~mask;
  }

  /// Block n holds bits 32n to 32n+31. Zero past the end; setting past the end does nothing.
  constexpr std::uint32_t block(std::size_t n) const { return n < kBlocks ? blocks_[n] : 0; }
  constexpr void set_block(std::size_t n, std::uint32_t value) {
    if (n < kBlocks) blocks_[n] = value;
  }

  constexpr Features operator&(const Features& other) const {
    Features both;
    for (std::size_t n = 0; n < kBlocks; ++n) both.blocks_[n] = blocks_[n] & other.blocks_[n];
    return both;
  }
  constexpr Features operator|(const Features& other) const {
    Features either;
    for (std::size_t n = 0; n < kBlocks; ++n) either.blocks_[n] = blocks_[n] | other.blocks_[n];
    return either;
  }
  constexpr bool subset_of(const Features& other) const { return (*this & other) == *this; }
  constexpr bool operator==(const Features&) const = default;

 private:
  std::array<std::uint32_t, kBlocks> blocks_{};
};

/// What every Hawser queue can do, whatever the device.
inline constexpr Features kQueueFeatures{VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX,
                                         VIRTIO_F_RING_PACKED,   VIRTIO_F_IN_ORDER,
                                         VIRTIO_F_RING_RESET,    VIRTIO_F_NOTIFICATION_DATA};

}  // namespace hawser::virtio
