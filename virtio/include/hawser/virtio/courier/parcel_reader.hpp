// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A received parcel as one run of bytes, although the carrier's ring may have wrapped inside it.
#pragma once

#include <hawser/virtio/courier/wire.hpp>

#include <hawser/transport/endian.hpp>
#include <hawser/transport/link.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace hawser::virtio::courier {

class ParcelReader {
 public:
  ParcelReader() = default;
  explicit ParcelReader(const Parcel& parcel) : parts_(parcel.parts) {}

  std::size_t left() const { return parts_[0].size() + parts_[1].size(); }

  /// The next sizeof(W) bytes, a private copy.
  template <class W>
  std::optional<W> take() {
    if (parts_[0].size() >= sizeof(W)) {
      const auto whole = read_wire<W>(parts_[0]);
      parts_[0] = parts_[0].subspan(sizeof(W));
      return whole;
    }
    if (left() < sizeof(W)) return std::nullopt;
    std::array<std::byte, sizeof(W)> bytes;
    std::size_t at = 0;
    for (const auto& piece : take(sizeof(W))) {
      if (!piece.empty()) std::memcpy(bytes.data() + at, piece.data(), piece.size());
      at += piece.size();
    }
    return read_wire<W>(bytes);
  }

  /// The next `bytes` where they lie; the caller has asked left().
  std::array<std::span<const std::byte>, 2> take(std::size_t bytes) {
    const std::size_t first = std::min(bytes, parts_[0].size());
    std::array<std::span<const std::byte>, 2> taken{parts_[0].first(first), {}};
    parts_[0] = parts_[0].subspan(first);
    if (parts_[0].empty()) {
      taken[1] = parts_[1].first(bytes - first);
      parts_[1] = parts_[1].subspan(bytes - first);
    }
    if (taken[0].empty()) std::swap(taken[0], taken[1]);
    return taken;
  }

 private:
  std::array<std::span<const std::byte>, 2> parts_;
};

/// A parcel whose header was read, which happens once.
struct Arrived {
  Arrived() = default;
  explicit Arrived(const Parcel& parcel)
      : number(parcel.number), rest(parcel), header(rest.take<wire::ParcelHeader>()) {}

  std::uint32_t number = 0;
  ParcelReader rest;  ///< What is behind the header.
  std::optional<wire::ParcelHeader> header;
};

using Entries = std::array<wire::Entry, kMaxEntries>;

/// The entries behind a parcel's header. nullptr, or a sentence that says what is wrong with them.
inline const char* take_entries(ParcelReader& reader, std::size_t count, Entries& entries) {
  if (count > kMaxEntries) return "the peer sent a parcel with too many entries";
  for (std::size_t n = 0; n < count; ++n) {
    const auto entry = reader.take<wire::Entry>();
    if (!entry) return "the peer sent a parcel that ends within its entries";
    entries[n] = *entry;
  }
  return nullptr;
}

}  // namespace hawser::virtio::courier
