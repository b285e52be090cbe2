// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Buckets that grow with what they count: 2^kBits to an octave, so at most 2^-kBits of a value off, and exact below
// 2^(kBits + 1).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace hawser::virtio {

/// For values below 2^kWidth; larger ones are counted in the last bucket.
template <unsigned kBits, unsigned kWidth = 64>
struct LogBuckets {
  static_assert(kBits < kWidth && kWidth <= 64);
  static constexpr std::size_t kCount = std::size_t{kWidth - kBits + 1} << kBits;

  static constexpr std::size_t bucket(std::uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= kBits) return static_cast<std::size_t>(value);
    if (width > kWidth) return kCount - 1;
    const unsigned octave = width - kBits;  // the bits that its buckets do not tell apart, and one
    return (std::size_t{octave - 1} << kBits) + static_cast<std::size_t>(value >> (octave - 1));
  }

  /// The largest value of a bucket.
  static constexpr std::uint64_t last(std::size_t bucket) {
    if (bucket < (std::size_t{1} << kBits)) return bucket;
    const std::size_t octave = bucket >> kBits;
    const std::uint64_t within = (bucket & ((std::size_t{1} << kBits) - 1)) + (std::uint64_t{1} << kBits);
    return ((within + 1) << (octave - 1)) - 1;  // the very last one of 64 bits wraps, to what it should be
  }
};

}  // namespace hawser::virtio
