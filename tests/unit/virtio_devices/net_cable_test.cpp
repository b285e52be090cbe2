// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The cable by itself: what the far end did not accept is finished on the way, everything else is left alone.
#include "net_frames.hpp"

#include <hawser/transport/random.hpp>
#include <hawser/virtio/device/net_cable.hpp>

#include <doctest/doctest.h>

#include "support/seed.hpp"

#include <deque>
#include <memory>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::virtio::device;
using hawser::test::Bytes;

namespace {

NetSent send(CableEnd& end, const NetHeader& header, const Bytes& frame, std::uint16_t queue = 0) {
  const std::span<const std::byte> parts[] = {
      std::span(frame).first(frame.size() / 3), {}, std::span(frame).subspan(frame.size() / 3)};
  return end.send(queue, header, parts);
}

std::optional<Bytes> take(CableEnd& end, std::uint16_t queue = 0) {
  const NetFrame frame = end.front(queue);
  if (frame.bytes.empty()) return std::nullopt;
  Bytes bytes(frame.bytes.begin(), frame.bytes.end());
  end.pop(queue);
  return bytes;
}

/// A cable with a driver at either end; the right one accepts `accepted`.
std::unique_ptr<Cable<2>> cable(const NetOffloads& accepted) {
  auto made = std::make_unique<Cable<2>>();
  made->left().start({}, 2);
  made->right().start(accepted, 2);
  return made;
}

}  // namespace

TEST_CASE("there is a link while the other end has a driver") {
  auto joined = std::make_unique<Cable<>>();
  CHECK_FALSE(joined->left().link_up());
  CHECK(send(joined->left(), {}, test::pattern(60)) == NetSent::kDropped);
  joined->right().start({}, 1);
  CHECK(joined->left().link_up());
  CHECK_FALSE(joined->right().link_up());
  CHECK(send(joined->left(), {}, test::pattern(60)) == NetSent::kSent);
  joined->right().stop();
  CHECK_FALSE(joined->left().link_up());
  joined->right().start({}, 1);
  CHECK(joined->right().front(0).bytes.empty());  // nothing from before
}

TEST_CASE("what the receiver accepts goes through unchanged") {
  auto joined = cable(NetOffloads::all());
  Bytes frame = test::make_frame({}, test::pattern(5000));
  const NetHeader header = test::leave_segmentation(frame, 1000);
  REQUIRE(send(joined->left(), header, frame) == NetSent::kSent);
  CHECK(joined->right().front(0).header == header);
  CHECK(*take(joined->right()) == frame);
}

TEST_CASE("a checksum that the receiver does not accept is filled in") {
  auto joined = cable({});
  const Bytes whole = test::make_frame({.udp = true}, test::pattern(333));
  Bytes frame = whole;
  const NetHeader header = test::leave_checksum(frame);
  REQUIRE(send(joined->left(), header, frame) == NetSent::kSent);
  CHECK(joined->right().front(0).header == NetHeader{});
  CHECK(joined->right().front(0).header == NetHeader{});  // asking twice does not sum twice
  CHECK(*take(joined->right()) == whole);
}

TEST_CASE("a frame that can not be finished is dropped and counted, and those behind it get through") {
  auto joined = cable({.checksum = true});
  Bytes good = test::make_frame({}, test::pattern(100));
  Bytes bad = good;
  const NetHeader header = test::leave_segmentation(bad, 10);
  bad[14] = std::byte{0x4f};  // an IP header of 60 bytes, which it does not have
  REQUIRE(send(joined->left(), header, bad) == NetSent::kSent);
  REQUIRE(send(joined->left(), {}, good) == NetSent::kSent);
  CHECK(*take(joined->right()) == good);
  CHECK(joined->right().malformed() == 1);
}

TEST_CASE("a full cable holds the sender up and loses nothing") {
  auto joined = cable({});
  const Bytes frame = test::make_frame({}, test::pattern(1400));
  int sent = 0;
  while (send(joined->left(), {}, frame) == NetSent::kSent) ++sent;
  CHECK(sent > 100);
  CHECK_FALSE(joined->left().can_send(0));
  int received = 0;
  while (take(joined->right())) ++received;
  CHECK(received == sent);
  CHECK(joined->left().can_send(0));
}

TEST_CASE("a frame shorter than an Ethernet header or longer than the longest is dropped") {
  auto joined = cable({});
  CHECK(send(joined->left(), {}, Bytes(13)) == NetSent::kDropped);
  CHECK(send(joined->left(), {}, {}) == NetSent::kDropped);
  CHECK(send(joined->left(), {}, Bytes(kMaxFrame + 1)) == NetSent::kDropped);
  CHECK(send(joined->left(), {}, Bytes(kMaxFrame)) == NetSent::kSent);
}

TEST_CASE("queues do not hold each other up, and a queue that is given up loses its frames") {
  auto joined = cable({});
  const Bytes frame = test::make_frame({}, test::pattern(1400));
  while (send(joined->left(), {}, frame, 0) == NetSent::kSent) {
  }
  CHECK(send(joined->left(), {}, frame, 1) == NetSent::kSent);
  CHECK(*take(joined->right(), 1) == frame);
  REQUIRE(send(joined->left(), {}, frame, 1) == NetSent::kSent);
  joined->right().adjust({}, 1);
  CHECK(joined->right().front(1).bytes.empty());
  CHECK(take(joined->right(), 0).has_value());
  CHECK(send(joined->left(), {}, frame, 1) == NetSent::kSent);  // now takes the one queue that is left
}

TEST_CASE("frames of all lengths keep their order and bytes while the line wraps") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  auto joined = cable({});
  std::deque<Bytes> line;
  for (int round = 0; round < 20000; ++round) {
    if (random.chance(52)) {
      const std::size_t longest = random.chance(5) ? kMaxFrame : 2000;
      Bytes frame(14 + random.below(longest - 13));
      random.fill(frame);
      const NetSent sent = send(joined->left(), {}, frame);
      REQUIRE((sent == NetSent::kSent || !line.empty()));  // an empty cable takes every frame
      if (sent == NetSent::kSent) line.push_back(std::move(frame));
    } else if (!line.empty()) {
      REQUIRE(take(joined->right()) == line.front());
      line.pop_front();
    }
  }
}
