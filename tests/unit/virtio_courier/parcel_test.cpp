// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Received parcels: read wherever the carrier's ring wrapped inside them, and kept until their last user is done.
#include <hawser/virtio/courier/landed_parcels.hpp>
#include <hawser/virtio/courier/parcel_reader.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::virtio::courier;

namespace {

/// A header and two entries, with 3 bytes and 2 that belong to them.
std::vector<std::byte> two_entries() {
  std::vector<std::byte> bytes(sizeof(wire::ParcelHeader) + 2 * sizeof(wire::Entry) + 5);
  const auto at = [&](std::size_t n) { return std::span(bytes).subspan(n); };
  (void)write_wire(at(0), wire::ParcelHeader{2, kVersion, 2, 77});
  (void)write_wire(at(8), wire::Entry{1, 2, 3, 0, 3, 0, 0, 3});
  (void)write_wire(at(32), wire::Entry{1, 2, 4, 0, 2, 9, 0, 2});
  for (std::size_t n = 0; n < 5; ++n) bytes[56 + n] = std::byte{static_cast<std::uint8_t>('a' + n)};
  return bytes;
}

Parcel wrapped_at(std::span<const std::byte> bytes, std::size_t border) {
  return {.parts = {bytes.first(border), bytes.subspan(border)}, .number = 5};
}

std::string text(const std::array<std::span<const std::byte>, 2>& bytes) {
  std::string whole;
  for (const auto& part : bytes)
    for (const std::byte b : part) whole += static_cast<char>(b);
  return whole;
}

}  // namespace

TEST_CASE("a parcel reads the same wherever it wraps") {
  const auto bytes = two_entries();
  for (std::size_t border = 0; border <= bytes.size(); ++border) {
    CAPTURE(border);
    Arrived parcel;
    REQUIRE(parcel.read(wrapped_at(bytes, border)));
    CHECK(parcel.number == 5);
    CHECK(parcel.header.control == 77);
    const auto second = parcel.rest.peek<wire::Entry>(sizeof(wire::Entry));
    REQUIRE(second.has_value());
    CHECK(second->writable == 9);
    CHECK_FALSE(parcel.rest.peek<wire::Entry>(2 * sizeof(wire::Entry)).has_value());
    std::string seen;
    const char* const wrong =
        for_each_entry(parcel.rest, parcel.header.count, [&](const wire::Entry& entry, const auto& own) {
          seen += std::to_string(entry.chain) + text(own);
          return static_cast<const char*>(nullptr);
        });
    CHECK(wrong == nullptr);
    CHECK(seen == "3abc4de");
  }
}

TEST_CASE("a parcel that is cut short is refused, wherever it is cut") {
  const auto bytes = two_entries();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    const auto cut = std::span(bytes).first(size);
    Arrived parcel;
    CHECK(parcel.read(wrapped_at(cut, size / 2)) == (size >= sizeof(wire::ParcelHeader)));
    if (size < sizeof(wire::ParcelHeader)) continue;
    const auto nothing = [](const wire::Entry&, const auto&) { return static_cast<const char*>(nullptr); };
    CHECK(for_each_entry(parcel.rest, parcel.header.count, nothing) != nullptr);
  }
}

TEST_CASE("a landed parcel's place is free after its last user, and not before") {
  LandedParcels<2> landed;
  const std::uint16_t first = landed.land(10);
  const std::uint16_t second = landed.land(11);
  CHECK(first != second);
  CHECK(landed.full());
  landed.use(first);
  CHECK_FALSE(landed.drop(first).has_value());
  CHECK(landed.full());
  CHECK(landed.drop(first) == 10u);
  CHECK_FALSE(landed.full());
  CHECK(landed.drop(second) == 11u);
  CHECK(landed.land(12) != landed.land(13));
  CHECK(landed.full());
  landed.clear();
  CHECK(landed.land(14) != landed.land(15));
  CHECK(landed.full());
}
