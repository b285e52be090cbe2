// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How bytes travel: the rule, what overrules it, and what a parcel makes of either.
#include <hawser/virtio/courier/parcel_builder.hpp>
#include <hawser/virtio/placement.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;

namespace {

using Builder = courier::ParcelBuilder<8>;

/// As many requests of these pieces as one parcel takes, and what became of their bytes.
struct Packed {
  std::size_t requests = 0;
  std::size_t parts = 0;
  std::uint64_t copied = 0;
  bool bytes_are_right = false;
};

Packed pack(std::vector<std::size_t> sizes, std::size_t most,
            std::optional<Placement> wanted = std::nullopt) {
  std::vector<std::byte> memory(Builder::kMemory);
  std::vector<std::vector<std::byte>> data;
  std::vector<std::span<const std::byte>> pieces;
  for (const std::size_t size : sizes) {
    data.emplace_back(size, std::byte(0x40 + data.size()));
    pieces.emplace_back(data.back());
  }
  Builder builder{memory};
  builder.prefer(wanted);
  builder.begin(courier::Kind::kRequests, 68 << 10, 0);
  Packed packed;
  std::vector<std::byte> expected;
  while (packed.requests < most && builder.takes(pieces)) {
    for (const auto& piece : pieces) {
      REQUIRE(builder.add(piece, pieces.size()) == piece.size());  // takes() keeps its word
      expected.insert(expected.end(), piece.begin(), piece.end());
    }
    builder.finish({.chain = static_cast<std::uint16_t>(packed.requests)});
    ++packed.requests;
  }
  (void)builder.seal();  // there was no room for it: sealed again below
  const auto parts = builder.seal();
  const std::size_t head =
      sizeof(courier::wire::ParcelHeader) + packed.requests * sizeof(courier::wire::Entry);
  std::vector<std::byte> sent;
  for (const auto& part : parts) sent.insert(sent.end(), part.begin(), part.end());
  packed.parts = parts.size();
  packed.copied = builder.copied();
  const auto header = read_wire<courier::wire::ParcelHeader>(sent);
  REQUIRE(header);
  CHECK(header->count == packed.requests);
  for (std::size_t n = 0; n < packed.requests; ++n) {
    const auto entry = read_wire<courier::wire::Entry>(
        std::span(sent).subspan(sizeof *header + n * sizeof(courier::wire::Entry)));
    REQUIRE(entry);
    CHECK(entry->chain == n);
  }
  packed.bytes_are_right = std::equal(sent.begin() + static_cast<std::ptrdiff_t>(head), sent.end(),
                                      expected.begin(), expected.end());
  return packed;
}

}  // namespace

TEST_CASE("where memory is shared, bytes stay where they lie") {
  for (const std::uint64_t bytes : {0u, 64u, 4096u, 1u << 20})
    for (const std::size_t together : {1u, 64u})
      CHECK(choose(bytes, 2, together, Visibility::kShared) == Placement::kShared);
}

TEST_CASE("small bytes go inline where a message carries several requests") {
  static_assert(choose(kMostInline, 2, 1, Visibility::kCopied) == Placement::kCopied);
  static_assert(choose(kMostInline, 2, 2, Visibility::kCopied) == Placement::kInline);
  static_assert(choose(kMostInline + 1, 2, 64, Visibility::kCopied) == Placement::kCopied);
  static_assert(choose(kMostInlineAlone, 1, 2, Visibility::kCopied) == Placement::kInline);
  static_assert(choose(kMostInlineAlone + 1, 1, 64, Visibility::kCopied) == Placement::kCopied);
}

TEST_CASE("a user's word overrules the rule, as far as the link can") {
  CHECK(choose(Placement::kCopied, 16, 2, 8, Visibility::kCopied) == Placement::kCopied);
  CHECK(choose(Placement::kInline, 1 << 20, 1, 1, Visibility::kCopied) == Placement::kInline);
  CHECK(choose(std::nullopt, 16, 2, 8, Visibility::kCopied) == Placement::kInline);

  CHECK(wanted_placement("inline", Visibility::kCopied).placement == Placement::kInline);
  CHECK(wanted_placement("shared", Visibility::kShared).placement == Placement::kShared);
  for (const auto visibility : {Visibility::kCopied, Visibility::kShared}) {
    const auto automatic = wanted_placement("auto", visibility);
    CHECK_FALSE(automatic.placement);
    CHECK(automatic.refused == nullptr);
    CHECK(wanted_placement("fast", visibility).refused != nullptr);
  }
  CHECK(wanted_placement("shared", Visibility::kCopied).refused != nullptr);
  CHECK(wanted_placement("copied", Visibility::kShared).refused != nullptr);
}

TEST_CASE("few bytes go inline whatever else the message carries") {
  static_assert(choose(kMostInlineAlone, 1, 1, Visibility::kCopied) == Placement::kInline);
  static_assert(choose(kMostInlineAlone + 1, 2, 1, Visibility::kCopied) == Placement::kCopied);
}

TEST_CASE("a lone request's data is sent from where it lies, its header with the parcel's") {
  const Packed one = pack({16, 4096}, 1);
  CHECK(one.requests == 1);
  CHECK(one.copied == 16);
  CHECK(one.parts == 2);
  CHECK(one.bytes_are_right);
}

TEST_CASE("a parcel of few bytes is one part") {
  CHECK(pack({200}, 1).parts == 1);
  CHECK(pack({16, 200}, 20).parts == 1);
}

TEST_CASE("many small requests are one message, which without the rule they are not") {
  const Packed by_rule = pack({16, 512}, 64);
  const Packed copied = pack({16, 512}, 64, Placement::kCopied);
  CHECK(by_rule.requests == 34);  // the first copied, 16 KiB of others inline, and two more copied
  CHECK(by_rule.parts <= 8);
  CHECK(copied.requests == 3);
  CHECK(copied.copied == 0);
  CHECK(by_rule.bytes_are_right);
  CHECK(copied.bytes_are_right);
}

TEST_CASE("requests of one piece are as many to a message as it has parts, unless they are small") {
  CHECK(pack({512}, 64).requests == 7);
  CHECK(pack({256}, 64).requests == 64);
}

TEST_CASE("large bytes go copied also when they were wanted inline") {
  const Packed large = pack({16, Builder::kStaging + 1}, 1, Placement::kInline);
  CHECK(large.requests == 1);
  CHECK(large.copied == 16);
  CHECK(large.bytes_are_right);
}

TEST_CASE("every mixture of sizes fits as announced and arrives in order") {
  for (const std::optional<Placement> wanted :
       {std::optional<Placement>{}, std::optional{Placement::kInline}, std::optional{Placement::kCopied}})
    for (const std::size_t one : {1u, 255u, 256u, 257u, 4096u, 4097u, 9000u})
      for (const std::size_t two : {1u, 256u, 4096u, 5000u})
        for (const std::size_t three : {1u, 4096u, 6000u}) {
          const Packed packed = pack({one, two, three}, 64, wanted);
          CHECK(packed.requests >= 1);
          CHECK(packed.parts <= 8);
          CHECK(packed.bytes_are_right);
        }
}
