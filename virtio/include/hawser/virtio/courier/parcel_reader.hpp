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

  /// A private copy of the next sizeof(W) bytes, if there are so many.
  template <Wire W>
  std::optional<W> take() {
    if (left() < sizeof(W)) return std::nullopt;
    return cut<W>();
  }

  /// A private copy of what lies `ahead` bytes further on, if there is something; nothing is taken.
  template <Wire W>
  std::optional<W> peek(std::size_t ahead) const {
    if (left() < ahead + sizeof(W)) return std::nullopt;
    if (parts_[0].size() >= ahead + sizeof(W)) return read_wire<W>(parts_[0].subspan(ahead));
    ParcelReader reader = *this;
    reader.skip(ahead);
    return reader.cut<W>();
  }

  /// The next sizeof(W) bytes, a private copy; the caller has asked left().
  template <Wire W>
  W cut() {
    W value;
    if (parts_[0].size() >= sizeof(W)) {
      std::memcpy(&value, parts_[0].data(), sizeof(W));
      parts_[0] = parts_[0].subspan(sizeof(W));
    } else {
      join(std::as_writable_bytes(std::span<W, 1>(&value, 1)));
    }
    return value;
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

  /// Leaves so many bytes out; the caller has asked left().
  void skip(std::size_t bytes) {
    const std::size_t first = std::min(bytes, parts_[0].size());
    parts_[0] = parts_[0].subspan(first);
    parts_[1] = parts_[1].subspan(bytes - first);
  }

 private:
  /// What the parts' border runs through.
  [[gnu::noinline]] void join(std::span<std::byte> to) {
    for (const auto& piece : take(to.size())) {
      if (!piece.empty()) std::memcpy(to.data(), piece.data(), piece.size());
      to = to.subspan(piece.size());
    }
  }

  std::array<std::span<const std::byte>, 2> parts_;
};

/// A parcel whose header was read, which happens once.
struct Arrived {
  /// False: it is too short to have one.
  bool read(const Parcel& parcel) {
    number = parcel.number;
    rest = ParcelReader(parcel);
    if (rest.left() < sizeof header) return false;
    header = rest.cut<wire::ParcelHeader>();
    return true;
  }

  std::uint32_t number = 0;
  wire::ParcelHeader header{};
  ParcelReader rest;  ///< What is behind the header.
};

/// Calls each(entry, bytes) for the entries behind a parcel's header and what belongs to them, until one says what is wrong.
/// nullptr, or a sentence that says it.
template <class Each>
const char* for_each_entry(ParcelReader parcel, std::size_t count, Each each) {
  if (count > kMaxEntries) return "the peer sent a parcel with too many entries";
  if (parcel.left() < count * sizeof(wire::Entry))
    return "the peer sent a parcel that ends within its entries";
  ParcelReader entries = parcel;
  parcel.skip(count * sizeof(wire::Entry));
  for (; count != 0; --count) {
    const auto entry = entries.cut<wire::Entry>();
    if (entry.bytes > parcel.left()) return "the peer sent a parcel that ends within its bytes";
    if (const char* const wrong = each(entry, parcel.take(entry.bytes))) return wrong;
  }
  return parcel.left() == 0 ? nullptr : "the peer sent a parcel with bytes that belong to nothing";
}

}  // namespace hawser::virtio::courier
