// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Typed hypercalls against the broker's engine, and what becomes of odd results.
#include "two_domains.hpp"

#include <doctest/doctest.h>

#include <set>

namespace hawser::argo {

namespace {

struct One {
  broker::House house{test::allow_all()};
  test::ArgoPort port{house, 1};
  Calls<test::ArgoPort> calls{port, port.memory().first(16u << 10)};
  std::array<ReceiveRing::Held, 16> held;
  ReceiveRing ring{port.memory().subspan(64u << 10, kPageBytes), held};
  // A ring for messages to oneself.
  bool listen() {
    ring.clear();
    return calls.register_ring({9, 1}, ring.memory()).ok();
  }
};

}  // namespace

TEST_CASE("every error of Xen has a name and a sentence of its own, and any other number too") {
  std::set<std::string_view> sentences;
  for (const int number : {1, 2, 3, 11, 12, 13, 14, 16, 17, 19, 22, 28, 38, 90, 95, 111}) {
    const Error error = error_of(-number);
    CHECK(static_cast<int>(error) == number);
    CHECK(sentences.insert(describe(error)).second);
  }
  for (const std::int32_t odd : {-4, -9999, INT32_MIN}) CHECK(error_of(odd) == Error::kUnknown);
  CHECK(sentences.insert(describe(Error::kUnknown)).second);
  CHECK(std::string_view(describe(Error::kSwitchedOff)).find("argo=1") != std::string_view::npos);
  CHECK(std::string_view(describe(Error::kNotPermitted)).find("xsm=dummy") != std::string_view::npos);
}

TEST_CASE("errors that come zero-extended to 64 bits are errors, not four billion bytes sent") {
  CHECK(result_of(0x00000000fffffff5) == -11);
  CHECK(result_of(-11) == -11);
  One one;
  const std::array parts = {std::span<const std::byte>(one.port.memory().first(8))};
  CHECK(one.calls.sendv(0, {9, 1}, parts, 0).error() == Error::kNobodyListens);
}

TEST_CASE("parts in the port's memory are not copied, others are staged, empty ones left out") {
  One one;
  REQUIRE(one.listen());
  const auto inside = one.port.memory().subspan(128u << 10, 100);
  std::fill(inside.begin(), inside.end(), std::byte{1});
  const Bytes outside(50, std::byte{2});
  const std::array<std::span<const std::byte>, 4> parts = {inside, {}, outside, inside};
  REQUIRE(one.calls.sendv(0, {9, 1}, parts, 0x99).ok());
  CHECK(one.calls.counters().bytes_sent == 250);
  CHECK(one.calls.counters().bytes_staged == 50);
  const auto got = one.ring.try_receive();
  REQUIRE(got.ok());
  CHECK(got->type == 0x99);
  CHECK(got->domain == 1);
  Bytes expected(250, std::byte{1});
  std::copy(outside.begin(), outside.end(), expected.begin() + 100);
  CHECK(std::equal(expected.begin(), expected.end(), got->parts[0].begin(), got->parts[0].end()));
}

TEST_CASE("the first and the last byte of the port's memory are its own, the bytes beside it are not") {
  One one;
  REQUIRE(one.listen());
  const auto memory = one.port.memory();
  for (const auto part : {memory.first(1), memory.last(1)}) {
    const std::array<std::span<const std::byte>, 1> parts = {part};
    REQUIRE(one.calls.sendv(0, {9, 1}, parts, 0).ok());
  }
  CHECK(one.calls.counters().bytes_staged == 0);
}

TEST_CASE("messages of eight parts go, of nine do not, nor more staged bytes than there is room for") {
  One one;
  REQUIRE(one.listen());
  const auto inside = std::span<const std::byte>(one.port.memory().first(1));
  std::vector<std::span<const std::byte>> parts(8, inside);
  CHECK(one.calls.sendv(0, {9, 1}, parts, 0).ok());
  parts.push_back(inside);
  CHECK(one.calls.sendv(0, {9, 1}, parts, 0).error() == Error::kTooLong);
  const Bytes big(one.calls.staging().size() + 1);
  const std::array<std::span<const std::byte>, 1> outside = {big};
  CHECK(one.calls.sendv(0, {9, 1}, outside, 0).error() == Error::kTooLong);
}

TEST_CASE("a query tells what a send would meet") {
  One one;
  CHECK_FALSE(one.calls.query({9, 1}, 100)->exists);
  REQUIRE(one.listen());
  auto state = one.calls.query({9, 1}, 100).value();
  CHECK(state.exists);
  CHECK(state.empty);
  CHECK(state.sufficient);
  CHECK_FALSE(state.too_small);
  CHECK(one.calls.query({9, 1}, kPageBytes)->too_small);
  const std::array<std::span<const std::byte>, 1> parts = {one.port.memory().first(3000)};
  REQUIRE(one.calls.sendv(0, {9, 1}, parts, 0).ok());
  CHECK(one.calls.sendv(0, {9, 1}, parts, 0).error() == Error::kNoRoom);
  state = one.calls.query({9, 1}, 3000).value();
  CHECK_FALSE(state.empty);
  CHECK_FALSE(state.sufficient);
  CHECK(one.calls.counters().no_room == 1);
}

TEST_CASE("a ring can be asked for without being taken") {
  One one;
  REQUIRE(one.listen());
  CHECK(one.calls.register_ring({9, 1}, one.ring.memory(), true).error() == Error::kRingExists);
  CHECK(one.calls.unregister_ring({9, 1}).ok());
  CHECK(one.calls.unregister_ring({9, 1}).error() == Error::kNoSuchRing);
}

TEST_CASE("a ring of more pages than scratch has room to name is refused before Xen is asked") {
  One one;
  Calls<test::ArgoPort> narrow(one.port, one.port.memory().first(kArgumentBytes + 8));
  CHECK(narrow.register_ring({9, 1}, one.port.memory().subspan(64u << 10, 2 * kPageBytes)).error() ==
        Error::kBadArgument);
  CHECK(one.port.calls_of(Command::kRegisterRing) == 0);
  CHECK(narrow.register_ring({9, 1}, one.port.memory().subspan(64u << 10, kPageBytes)).ok());
}

}  // namespace hawser::argo
