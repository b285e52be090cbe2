// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The receiving side of a ring, against a writer that puts things where Xen would, or where nobody should.
#include "support/seed.hpp"

#include <hawser/argo/ring.hpp>
#include <hawser/transport/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <string_view>
#include <vector>

namespace hawser::argo {

namespace {

using Bytes = std::vector<std::byte>;

struct alignas(4096) Pages {
  std::array<std::byte, kPageBytes> bytes{};
};

/// A ring of one page, and the pen of Xen.
struct Writer {
  static constexpr std::uint32_t kLength = kPageBytes - kRingHeaderBytes;

  void put_bytes(std::uint32_t at, std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) pages.bytes[kRingHeaderBytes + at++ % kLength] = b;
  }
  void header(std::uint32_t at, std::uint32_t length, std::uint32_t type = 5) {
    put_bytes(at, wire_bytes(wire::MessageHeader{length, {1, 2, 0}, type}));
  }
  void point(std::uint32_t tx_ptr) {
    tx = tx_ptr;
    const le32 word = tx_ptr;
    std::memcpy(pages.bytes.data() + 4, &word, 4);
  }
  std::uint32_t rx() const { return read_wire<le32>(pages.bytes).value(); }

  void send(std::span<const std::byte> payload, std::uint32_t type = 5) {
    header(tx, static_cast<std::uint32_t>(payload.size() + 16), type);
    put_bytes(tx + 16, payload);
    point((tx + ring_cost(static_cast<std::uint32_t>(payload.size()))) % kLength);
  }
  /// As if everything so far had been received and released: the ring begins at `at`.
  ReceiveRing at(std::uint32_t position) {
    ReceiveRing fresh(pages.bytes, held);
    fresh.clear();
    point(0);
    while (tx != position) {
      send(Bytes(std::min<std::uint32_t>((position - tx) - 16, 1024)));
      fresh.release(fresh.try_receive()->number);
    }
    return fresh;
  }

  Pages pages;
  std::array<ReceiveRing::Held, 64> held{};
  ReceiveRing ring{pages.bytes, held};
  std::uint32_t tx = 0;
};

Bytes joined(const RingMessage& message) {
  Bytes all(message.parts[0].begin(), message.parts[0].end());
  all.insert(all.end(), message.parts[1].begin(), message.parts[1].end());
  return all;
}

}  // namespace

TEST_CASE("a ring is quiet until something arrives, and again when that was received, released or not") {
  Writer writer;
  writer.ring.clear();
  CHECK(writer.ring.quiet());
  writer.send(Bytes(3));
  CHECK_FALSE(writer.ring.quiet());
  const auto message = writer.ring.try_receive();
  REQUIRE(message.ok());
  CHECK(writer.ring.quiet());
  CHECK(writer.ring.release(message->number));
  CHECK(writer.ring.quiet());
  writer.point(Writer::kLength + 16);  // nonsense is no silence: try_receive() says what is wrong
  CHECK_FALSE(writer.ring.quiet());
}

TEST_CASE("a message is received whole wherever in the ring it begins, and wraps at the ring's end") {
  Random random(1);
  Writer writer;
  for (std::uint32_t at = 0; at < Writer::kLength; at += 16) {
    for (const std::size_t size : {0, 1, 15, 16, 17, 48, 1000}) {
      ReceiveRing ring = writer.at(at);
      Bytes payload(size);
      random.fill(payload);
      writer.send(payload, 0x1234);
      const auto got = ring.try_receive();
      REQUIRE(got.ok());
      REQUIRE(joined(*got) == payload);
      CHECK(got->type == 0x1234);
      CHECK(got->domain == 2);
      // Two parts only where it wraps, and nothing copied.
      CHECK((got->parts[1].empty() || at + 16 + size > Writer::kLength));
      CHECK(ring.occupied() == ring_cost(static_cast<std::uint32_t>(size)));
      CHECK(ring.release(got->number));
      CHECK(writer.rx() == writer.tx);
      CHECK(ring.try_receive().error() == RingError::kEmpty);
    }
  }
}

TEST_CASE("the longest message that Xen lets in is received, in one piece or wrapped") {
  for (const std::uint32_t at : {0u, 16u, Writer::kLength - 16}) {
    Writer writer;
    ReceiveRing ring = writer.at(at);
    Bytes payload(Writer::kLength - 32, std::byte{9});
    writer.send(payload);
    const auto got = ring.try_receive();
    REQUIRE(got.ok());
    CHECK(joined(*got) == payload);
  }
}

TEST_CASE("room becomes free in order, whatever the order of release") {
  Writer writer;
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < 4; ++i) {
    writer.send(Bytes(16));
    numbers.push_back(writer.ring.try_receive()->number);
  }
  CHECK(writer.ring.release(numbers[2]));
  CHECK(writer.ring.release(numbers[1]));
  CHECK(writer.rx() == 0);
  CHECK(writer.ring.released() == 0);
  CHECK(writer.ring.release(numbers[0]));
  CHECK(writer.rx() == 3 * 32);
  CHECK(writer.ring.release(numbers[3]));
  CHECK(writer.rx() == 4 * 32);
  CHECK(writer.ring.released() == 4 * 32);
}

TEST_CASE("what is not held can not be released, nor anything twice") {
  Writer writer;
  CHECK_FALSE(writer.ring.release(0));
  writer.send(Bytes(3));
  writer.send(Bytes(3));
  const auto first = writer.ring.try_receive();
  const auto second = writer.ring.try_receive();
  CHECK_FALSE(writer.ring.release(second->number + 1));
  CHECK_FALSE(writer.ring.release(first->number - 1));
  CHECK(writer.ring.release(second->number));
  CHECK_FALSE(writer.ring.release(second->number));
  CHECK(writer.ring.release(first->number));
  CHECK_FALSE(writer.ring.release(first->number));
  CHECK(writer.rx() == writer.tx);
}

TEST_CASE("numbers from before clear() release nothing after it") {
  Writer writer;
  writer.send(Bytes(3));
  const auto old = writer.ring.try_receive();
  writer.ring.clear();
  writer.point(0);
  CHECK_FALSE(writer.ring.release(old->number));
  writer.send(Bytes(3));
  const auto now = writer.ring.try_receive();
  CHECK_FALSE(writer.ring.release(old->number));
  CHECK(writer.ring.release(now->number));
}

TEST_CASE("no more messages are handed out than can be remembered") {
  Writer writer;
  for (std::size_t i = 0; i < writer.held.size() + 1; ++i) writer.send({});
  std::uint32_t first = 0;
  for (std::size_t i = 0; i < writer.held.size(); ++i) {
    const auto got = writer.ring.try_receive();
    REQUIRE(got.ok());
    if (i == 0) first = got->number;
  }
  CHECK(writer.ring.try_receive().error() == RingError::kTooManyHeld);
  CHECK(writer.ring.release(first));
  CHECK(writer.ring.try_receive().ok());
}

TEST_CASE("a ring that says what can not be is broken until it is cleared") {
  Writer writer;
  std::string_view reason;
  SUBCASE("tx_ptr behind the end") {
    writer.point(Writer::kLength);
    reason = "outside";
  }
  SUBCASE("tx_ptr far behind the end") {
    writer.point(UINT32_MAX - 15);
    reason = "outside";
  }
  SUBCASE("tx_ptr between slots") {
    writer.point(40);
    reason = "outside";
  }
  SUBCASE("a message shorter than its header") {
    writer.header(0, 15);
    writer.point(32);
    reason = "shorter than its header";
  }
  SUBCASE("a message of length 0") {
    writer.header(0, 0);
    writer.point(32);
    reason = "shorter than its header";
  }
  SUBCASE("a message longer than what arrived") {
    writer.header(0, 33);
    writer.point(32);
    reason = "longer than what arrived";
  }
  SUBCASE("a message of nearly 4 GiB") {
    writer.header(0, UINT32_MAX);
    writer.point(32);
    reason = "longer than what arrived";
  }
  SUBCASE("tx_ptr that goes back over what is not released") {
    writer.send(Bytes(100));
    writer.send(Bytes(100));
    REQUIRE(writer.ring.try_receive().ok());
    REQUIRE(writer.ring.try_receive().ok());
    writer.point(128);
    reason = "went back";
  }
  for (int i = 0; i < 2; ++i) CHECK(writer.ring.try_receive().error() == RingError::kBroken);
  CHECK(std::string_view(writer.ring.broken_reason()).find(reason) != std::string_view::npos);
  writer.point(0);
  CHECK(writer.ring.try_receive().error() == RingError::kBroken);
  writer.ring.clear();
  CHECK(std::string_view(writer.ring.broken_reason()).empty());
  writer.send(Bytes(5));
  CHECK(writer.ring.try_receive().ok());
}

TEST_CASE("what somebody scribbles over rx_ptr is not believed, and the next release repairs it") {
  Writer writer;
  for (int i = 0; i < 3; ++i) {
    writer.send(Bytes(100, std::byte(i)));
    const le32 nonsense = 0xdeadbeef;
    std::memcpy(writer.pages.bytes.data(), &nonsense, 4);
    const auto got = writer.ring.try_receive();
    REQUIRE(got.ok());
    CHECK(joined(*got) == Bytes(100, std::byte(i)));
    CHECK(writer.ring.release(got->number));
    CHECK(writer.rx() == writer.tx);
  }
}

TEST_CASE("messages of any size pass in order over many wraps, released in any order") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  Writer writer;
  std::deque<Bytes> sent;
  std::vector<std::uint32_t> held;
  for (int step = 0; step < 30'000; ++step) {
    if (random.chance(50)) {
      Bytes payload(random.below(random.chance(10) ? 2000 : 64));
      random.fill(payload);
      // Xen's rule (argo.c, ringbuf_insert): less than what is free.
      if (ring_cost(static_cast<std::uint32_t>(payload.size())) < Writer::kLength - writer.ring.occupied()) {
        writer.send(payload);
        sent.push_back(payload);
      }
    } else if (const auto got = writer.ring.try_receive(); got.ok()) {
      REQUIRE(!sent.empty());
      REQUIRE(joined(*got) == sent.front());
      sent.pop_front();
      held.push_back(got->number);
    } else {
      REQUIRE((got.error() == RingError::kTooManyHeld || sent.empty()));
    }
    if (!held.empty() && random.chance(50)) {
      const std::size_t which = random.below(held.size());
      REQUIRE(writer.ring.release(held[which]));
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
    }
    REQUIRE(*writer.ring.broken_reason() == '\0');
  }
}

}  // namespace hawser::argo
