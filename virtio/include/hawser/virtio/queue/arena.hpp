// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Buffers inside a region, by offset. Which bytes are taken is known only here, in private memory: the region
// itself holds none of the arena's data, so no peer can confuse it.
#pragma once

#include <hawser/transport/memory.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::virtio {

/// Hands out pieces of [base, base + size) in units of 64 bytes, so no two allocations share a cache line.
/// One owner, one thread. The bitmap, one bit a unit, belongs to the caller and outlives the arena.
class Arena {
 public:
  static constexpr std::uint64_t kUnit = 64;

  /// Words of bitmap that an arena of `size` bytes needs.
  static constexpr std::size_t bitmap_words(std::uint64_t size) {
    return static_cast<std::size_t>((size / kUnit + 63) / 64);
  }

  Arena() = default;

  /// A base that is no multiple of 64 loses the bytes up to the next one; a bitmap that is too small covers
  /// as much as it can.
  Arena(Offset base, std::uint64_t size, std::span<std::uint64_t> bitmap) : bitmap_(bitmap) {
    const std::uint64_t lost = (kUnit - base.bytes() % kUnit) % kUnit;
    base_ = base.bytes() + lost;
    units_ = size > lost ? (size - lost) / kUnit : 0;
    units_ = std::min<std::uint64_t>(units_, std::uint64_t{bitmap.size()} * 64);
    reset();
  }

  /// `bytes` at a multiple of `align` (a power of two; the offset is aligned, not the address it may be
  /// mapped at). Nothing when no gap is large enough, or for zero bytes.
  std::optional<Offset> allocate(std::uint64_t bytes, std::uint64_t align = kUnit) {
    if (bytes == 0 || !power_of_two(align) || bytes > units_ * kUnit) return std::nullopt;
    const std::uint64_t units = units_for(bytes);
    if (units > free_units_) return std::nullopt;
    std::uint64_t at = find(hint_, units_, units, align);
    if (at == kNotFound && hint_ != 0) at = find(0, std::min(units_, hint_ + units), units, align);
    if (at == kNotFound) return std::nullopt;
    mark(at, units, true);
    free_units_ -= units;
    hint_ = at + units;
    return Offset(base_ + at * kUnit);
  }

  /// Gives back what allocate(bytes) returned. A range that is foreign or (in part) free already is left
  /// alone and remembered in misused().
  void release(Offset at, std::uint64_t bytes) {
    const std::uint64_t from = at.bytes() - base_;  // wraps for what lies below the base
    if (bytes == 0 || from % kUnit != 0 || from / kUnit >= units_ || bytes > units_ * kUnit - from) {
      misused_ = true;
      return;
    }
    const std::uint64_t first = from / kUnit;
    const std::uint64_t units = units_for(bytes);
    if (next(first, first + units, false) != first + units) {
      misused_ = true;
      return;
    }
    mark(first, units, false);
    free_units_ += units;
    hint_ = first;  // the bytes most likely still in the cache
  }

  /// Everything is free again, misused() included.
  void reset() {
    std::fill(bitmap_.begin(), bitmap_.end(), 0);
    free_units_ = units_;
    hint_ = 0;
    misused_ = false;
  }

  std::uint64_t free_bytes() const { return free_units_ * kUnit; }
  std::uint64_t size() const { return units_ * kUnit; }
  Offset base() const { return Offset(base_); }

  /// Somebody released what was not theirs to release: a bug on our side. Latched until reset().
  bool misused() const { return misused_; }

 private:
  static constexpr std::uint64_t kNotFound = UINT64_MAX;

  static constexpr std::uint64_t units_for(std::uint64_t bytes) {
    return bytes / kUnit + (bytes % kUnit != 0);
  }

  /// The first unit in [from, end) that is taken (or free, for taken == false); end if there is none.
  std::uint64_t next(std::uint64_t from, std::uint64_t end, bool taken) const {
    while (from < end) {
      const std::uint64_t word = bitmap_[from / 64] ^ (taken ? 0 : ~std::uint64_t{0});
      const std::uint64_t rest = word >> (from % 64);
      if (rest != 0) return std::min(end, from + static_cast<unsigned>(std::countr_zero(rest)));
      from = (from / 64 + 1) * 64;
    }
    return end;
  }

  /// Where a gap of `units` starts that lies inside [from, end) and whose offset is aligned.
  std::uint64_t find(std::uint64_t from, std::uint64_t end, std::uint64_t units, std::uint64_t align) const {
    for (;;) {
      from = next(from, end, false);
      const std::uint64_t offset = base_ + from * kUnit;
      from += (((offset + align - 1) & ~(align - 1)) - offset) / kUnit;
      if (from >= end || units > end - from) return kNotFound;
      const std::uint64_t obstacle = next(from, from + units, true);
      if (obstacle == from + units) return from;
      from = obstacle;
    }
  }

  void mark(std::uint64_t from, std::uint64_t units, bool taken) {
    while (units != 0) {
      const std::uint64_t bit = from % 64;
      const std::uint64_t count = std::min<std::uint64_t>(units, 64 - bit);
      const std::uint64_t mask = (count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1) << bit;
      std::uint64_t& word = bitmap_[from / 64];
      word = taken ? word | mask : word & ~mask;
      from += count;
      units -= count;
    }
  }

  std::span<std::uint64_t> bitmap_;
  std::uint64_t base_ = 0;
  std::uint64_t units_ = 0;
  std::uint64_t free_units_ = 0;
  std::uint64_t hint_ = 0;  ///< Where the next search starts.
  bool misused_ = false;
};

}  // namespace hawser::virtio
