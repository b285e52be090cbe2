// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/client/decoder.hpp>

#include <doctest/doctest.h>

using namespace hawser::ivshmem;
using Kind = Decoder::Kind;
using Fault = Decoder::Fault;

namespace {

Decoder::Event say(Decoder& d, std::int64_t value, bool fd = false) {
  return d.feed(wire::encode(value), fd ? 1 : 0);
}

Decoder greeted(std::uint32_t max_peers = 8) {
  Decoder d(max_peers);
  say(d, 0);
  say(d, 5);
  say(d, -1, true);
  return d;
}

}  // namespace

TEST_CASE("numbers travel little-endian and come back as they were") {
  CHECK(wire::encode(0x0102)[0] == std::byte{2});
  for (const std::int64_t v :
       {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX, std::int64_t{65535}}) {
    CHECK(wire::decode(wire::encode(v)) == v);
  }
}

TEST_CASE("a whole greeting, and peers that come and go") {
  Decoder d(8);
  CHECK(say(d, 0).kind == Kind::kVersion);
  CHECK(say(d, 5).kind == Kind::kOwnId);
  CHECK(say(d, -1, true).kind == Kind::kMemory);
  CHECK(say(d, 2, true).vector == 0);
  CHECK(say(d, 2, true).vector == 1);
  CHECK(say(d, 5, true).kind == Kind::kOwnVector);
  CHECK(say(d, 5, true).vector == 1);
  const auto joined = say(d, 6, true);
  CHECK(joined.kind == Kind::kPeerVector);
  CHECK(joined.id == 6);
  CHECK(say(d, 2).kind == Kind::kPeerGone);
  CHECK(say(d, 2).kind == Kind::kIgnored);  // twice gone harms nobody here; QEMU dies of it
  CHECK(say(d, 2, true).vector == 0);       // a reference server may reuse an id: counting starts anew
}

TEST_CASE("peers may be announced before the memory, own vectors may not") {
  Decoder d(8);
  say(d, 0);
  say(d, 5);
  CHECK(say(d, 1, true).kind == Kind::kPeerVector);
  CHECK(say(d, 5, true).fault == Fault::kEarlyVector);
}

TEST_CASE("bytes may come in any pieces, with the descriptor at the first") {
  Decoder d(8);
  const wire::Bytes zero = wire::encode(0);
  for (int i = 0; i < 7; ++i) {
    CHECK(d.wanted() == static_cast<std::size_t>(8 - i));
    CHECK(d.feed(std::span(zero).first(1), 0).kind == Kind::kPending);
  }
  CHECK(d.feed(std::span(zero).first(1), 0).kind == Kind::kVersion);
  say(d, 5);
  const wire::Bytes memory = wire::encode(-1);
  CHECK(d.feed(std::span(memory).first(3), 1).kind == Kind::kPending);
  CHECK(d.feed(std::span(memory).subspan(3), 0).kind == Kind::kMemory);
}

TEST_CASE("each breach of the protocol has its own name") {
  const auto fault = [](std::initializer_list<std::pair<std::int64_t, bool>> script) {
    Decoder d(8);
    Decoder::Event last;
    for (const auto& [value, fd] : script) last = say(d, value, fd);
    CHECK(last.kind == Kind::kFault);
    return last.fault;
  };
  CHECK(fault({{1, false}}) == Fault::kVersion);
  CHECK(fault({{0, true}}) == Fault::kStrayDescriptor);
  CHECK(fault({{0, false}, {70000, false}}) == Fault::kOwnId);
  CHECK(fault({{0, false}, {-5, false}}) == Fault::kOwnId);
  CHECK(fault({{0, false}, {5, false}, {-1, false}}) == Fault::kMemoryMissing);
  CHECK(fault({{0, false}, {5, false}, {-1, true}, {-1, true}}) == Fault::kMemoryTwice);
  CHECK(fault({{0, false}, {5, false}, {70000, true}}) == Fault::kUnknownMessage);
  CHECK(fault({{0, false}, {5, false}, {-5, false}}) == Fault::kUnknownMessage);
  CHECK(fault({{0, false}, {5, false}, {-1, true}, {5, false}}) == Fault::kOwnGone);
  CHECK(fault({{-13, false}}) == Fault::kRefused);
  CHECK(fault({{0, false}, {-28, false}}) == Fault::kRefused);
}

TEST_CASE("two descriptors in one message, or one in its middle, are a breach") {
  Decoder d = greeted();
  CHECK(d.feed(wire::encode(2), 2).fault == Fault::kManyDescriptors);
  Decoder e = greeted();
  const wire::Bytes two = wire::encode(2);
  e.feed(std::span(two).first(4), 0);
  CHECK(e.feed(std::span(two).subspan(4), 1).fault == Fault::kSplitDescriptor);
}

TEST_CASE("a fault is for ever") {
  Decoder d(8);
  say(d, 1);
  CHECK(say(d, 0).fault == Fault::kVersion);
  CHECK(say(d, 0).kind == Kind::kFault);
}

TEST_CASE("a peer has at most 2048 vectors") {
  Decoder d = greeted();
  for (int i = 0; i < 2048; ++i) CHECK(say(d, 2, true).vector == i);
  CHECK(say(d, 2, true).fault == Fault::kTooManyVectors);
}

TEST_CASE("peers beyond the limit are ignored until they have gone, even if room appears meanwhile") {
  Decoder d = greeted(1);
  CHECK(say(d, 1, true).kind == Kind::kPeerVector);
  CHECK(say(d, 2, true).kind == Kind::kIgnored);
  CHECK(say(d, 1).kind == Kind::kPeerGone);
  CHECK(say(d, 2, true).kind == Kind::kIgnored);  // its second vector must not be taken for its first
  CHECK(say(d, 2).kind == Kind::kIgnored);
  CHECK(say(d, 2, true).kind == Kind::kPeerVector);
  CHECK(d.peers() == 1);
}
