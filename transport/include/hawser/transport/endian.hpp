// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Little-endian fields for wire structs: the byte order is in the type, the value reads as the host's.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace hawser {

template <std::unsigned_integral T>
constexpr T byte_swap(T v) {
  if constexpr (sizeof(T) == 1) {
    return v;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(v);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(v);
  } else {
    return __builtin_bswap64(v);
  }
}

/// Host order to little-endian, and back: the two are the same permutation.
template <std::unsigned_integral T>
constexpr T little(T v) {
  return std::endian::native == std::endian::little ? v : byte_swap(v);
}

/// A T stored little-endian with T's natural alignment. Converts to and from the value, never exposes the raw
/// bytes as a number.
template <std::unsigned_integral T>
class Little {
 public:
  Little() = default;
  constexpr Little(T v) : raw_(little(v)) {}
  constexpr operator T() const { return little(raw_); }

 private:
  T raw_;
};

using le16 = Little<std::uint16_t>;
using le32 = Little<std::uint32_t>;
using le64 = Little<std::uint64_t>;

static_assert(sizeof(le16) == 2 && alignof(le16) == 2 && std::is_trivially_copyable_v<le16>);
static_assert(sizeof(le32) == 4 && alignof(le32) == 4 && std::is_trivially_copyable_v<le32>);
static_assert(sizeof(le64) == 8 && alignof(le64) == 8 && std::is_trivially_copyable_v<le64>);

/// A struct made only of bytes and endian fields, without padding: safe to copy to and from a wire.
template <class W>
concept Wire = std::is_trivially_copyable_v<W> && std::is_standard_layout_v<W> && !std::is_pointer_v<W>;

/// Copies a W out of the front of `bytes`; nothing if they are too few. No alignment is asked of `bytes`.
template <Wire W>
std::optional<W> read_wire(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(W)) return std::nullopt;
  W out;
  std::memcpy(&out, bytes.data(), sizeof(W));
  return out;
}

/// Copies `value` to the front of `bytes`; false (and nothing written) if they are too few.
template <Wire W>
bool write_wire(std::span<std::byte> bytes, const W& value) {
  if (bytes.size() < sizeof(W)) return false;
  std::memcpy(bytes.data(), &value, sizeof(W));
  return true;
}

/// The bytes of a wire struct, to hand to a gather list.
template <Wire W>
std::span<const std::byte> wire_bytes(const W& value) {
  return std::as_bytes(std::span<const W, 1>(&value, 1));
}

}  // namespace hawser
