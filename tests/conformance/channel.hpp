// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Clauses 2.x: messages.
#pragma once

#include "bench.hpp"

#include <deque>

namespace hawser::conformance {

/// Sends until the channel is full, which it is when it says so many times running; what was accepted.
template <class P>
std::vector<Message> fill(Bench<P>& b, End from) {
  std::vector<Message> sent;
  for (int refusals = 0; refusals < 10 && sent.size() < 100'000;) {
    const Message message = message_of(std::to_string(sent.size()));
    const auto result = b.try_send(from, message);
    if (result.ok()) {
      sent.push_back(message);
      refusals = 0;
    } else {
      REQUIRE(result.error() == SendError::kFull);
      ++refusals;
    }
  }
  return sent;
}

HAWSER_CLAUSE("2.1 the parts of a message are joined, empty ones included") {
  REQUIRE(b.connect());
  const std::array<Message, 4> pool = {message_of("a"), Message(), message_of("bcd"), message_of("ef")};
  for (std::size_t count = 0; count <= 8; ++count) {
    std::vector<std::span<const std::byte>> parts;
    Message whole;
    for (std::size_t i = 0; i < count; ++i) {
      const Message& part = pool[(i + count) % pool.size()];
      parts.emplace_back(part);
      whole.insert(whole.end(), part.begin(), part.end());
    }
    bool sent = false;
    for (int i = 0; i < 100 && !sent; ++i) sent = b.first().channel().try_send(parts).ok();
    REQUIRE(sent);
    const auto got = b.receive(End::kSecond);
    REQUIRE(got.has_value());
    CHECK(arrived_as(whole, *got));
    CHECK_FALSE(b.receive(End::kSecond).has_value());
  }
}

HAWSER_CLAUSE("2.1 of a message that is not sent nothing is queued") {
  REQUIRE(b.connect());
  const Message small = message_of("the beginning");
  const Message big(b.first().channel().mtu());
  const std::array<std::span<const std::byte>, 2> parts = {small, big};
  CHECK(b.first().channel().try_send(parts).error() == SendError::kTooBig);
  CHECK_FALSE(b.receive(End::kSecond).has_value());
  CHECK(b.passes(End::kFirst, "another"));
}

HAWSER_CLAUSE("2.2 nothing arrives that was not sent, and nothing comes back to its sender") {
  REQUIRE(b.connect());
  for (const End end : kBothEnds) CHECK_FALSE(b.receive(end).has_value());
  REQUIRE(b.send(End::kFirst, message_of("x")));
  CHECK_FALSE(b.receive(End::kFirst).has_value());
  CHECK(b.receive(End::kSecond).has_value());
  CHECK_FALSE(b.receive(End::kSecond).has_value());
}

HAWSER_CLAUSE("2.2 messages of any size arrive whole, once and in order, both ways, over many wraps") {
  REQUIRE(b.connect());
  Random random(seed);
  const std::size_t mtu = b.first().channel().mtu();
  std::array<std::deque<Message>, 2> on_the_way;
  for (int step = 0; step < 20'000; ++step) {
    const End from = random.chance(50) ? End::kFirst : End::kSecond;
    auto& queue = on_the_way[static_cast<unsigned>(from)];
    // Now mostly sending, now mostly receiving, so that the channel is often full and often empty.
    if (random.chance(step / 50 % 2 == 0 ? 70 : 30)) {
      Message message(random.chance(10) ? mtu : random.below(random.chance(50) ? mtu + 1 : 9));
      random.fill(message);
      const auto sent = b.try_send(from, message);
      if (sent.ok()) {
        queue.push_back(std::move(message));
      } else {
        REQUIRE(sent.error() == SendError::kFull);
      }
    } else {
      const auto got = b.receive(other(from));
      REQUIRE(got.has_value() == !queue.empty());
      if (!got) continue;
      REQUIRE(arrived_as(queue.front(), *got));
      queue.pop_front();
    }
    if (step % 100 == 0) {
      for (const End end : kBothEnds) REQUIRE(b.link(end).poll() == LinkEvent::kNothing);
    }
  }
}

HAWSER_CLAUSE("2.3 both ends have the same mtu, it fits exactly, and one byte more is too big") {
  REQUIRE(b.connect());
  const std::size_t mtu = b.first().channel().mtu();
  CHECK(mtu > 0);
  CHECK(b.second().channel().mtu() == mtu);
  Random random(seed);
  for (const End from : kBothEnds) {
    Message message(mtu);
    random.fill(message);
    REQUIRE(b.send(from, message));
    const auto got = b.receive(other(from));
    REQUIRE(got.has_value());
    CHECK(*got == message);
    CHECK(b.try_send(from, Message(mtu + 1)).error() == SendError::kTooBig);
    CHECK_FALSE(b.receive(other(from)).has_value());
  }
}

HAWSER_CLAUSE("2.3 too big is said even when the channel is full") {
  REQUIRE(b.connect());
  (void)fill(b, End::kFirst);
  CHECK(b.try_send(End::kFirst, Message(b.first().channel().mtu() + 1)).error() == SendError::kTooBig);
}

HAWSER_CLAUSE("2.4 the empty message is a message") {
  REQUIRE(b.connect());
  REQUIRE(b.send(End::kFirst, Message()));
  REQUIRE(b.send(End::kFirst, message_of("next")));
  const auto empty = b.receive(End::kSecond);
  REQUIRE(empty.has_value());
  CHECK(arrived_as(Message(), *empty));
  const auto next = b.receive(End::kSecond);
  REQUIRE(next.has_value());
  CHECK(arrived_as(message_of("next"), *next));
}

HAWSER_CLAUSE("2.6 a full channel keeps what it holds, in order, and takes more once there is room") {
  REQUIRE(b.connect());
  for (int round = 0; round < 3; ++round) {
    std::vector<Message> sent = fill(b, End::kFirst);
    REQUIRE(!sent.empty());
    REQUIRE(sent.size() < 100'000);
    auto got = b.receive(End::kSecond);
    REQUIRE(got.has_value());
    CHECK(arrived_as(sent[0], *got));
    REQUIRE(b.send(End::kFirst, message_of("one more")));
    sent.push_back(message_of("one more"));
    for (std::size_t i = 1; i < sent.size(); ++i) {
      got = b.receive(End::kSecond);
      REQUIRE(got.has_value());
      CHECK(arrived_as(sent[i], *got));
    }
    CHECK_FALSE(b.receive(End::kSecond).has_value());
  }
}

HAWSER_CLAUSE("2.6 both directions may be full at once") {
  REQUIRE(b.connect());
  const auto there = fill(b, End::kFirst);
  const auto back = fill(b, End::kSecond);
  for (const auto& message : there) {
    const auto got = b.receive(End::kSecond);
    CHECK((got.has_value() && arrived_as(message, *got)));
  }
  for (const auto& message : back) {
    const auto got = b.receive(End::kFirst);
    CHECK((got.has_value() && arrived_as(message, *got)));
  }
}

HAWSER_CLAUSE("2.6 who found the channel full is rung once there is room") {
  REQUIRE(b.connect());
  for (int round = 0; round < 3; ++round) {
    (void)fill(b, End::kFirst);
    REQUIRE(b.quieten(End::kFirst));
    b.first().bell().arm();
    // kFull may have been said without need: what was room already is known by now.
    for (int i = 0; i < 100'000 && b.try_send(End::kFirst, message_of("late")).ok(); ++i) {
    }
    REQUIRE(b.try_send(End::kFirst, message_of("late")).error() == SendError::kFull);
    REQUIRE(b.receive(End::kSecond).has_value());
    CHECK(b.wait(End::kFirst, seconds(1)) == Wake::kRung);
    CHECK(b.send(End::kFirst, message_of("late")));
    while (b.receive(End::kSecond)) {
    }
  }
}

HAWSER_CLAUSE("2.7 a message that does not fit into the buffer stays first in line") {
  REQUIRE(b.connect());
  const Message first = message_of("the first message");
  REQUIRE(b.send(End::kFirst, first));
  REQUIRE(b.send(End::kFirst, message_of("the second")));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, first.size() - 1}) {
    Message to(size);
    CHECK(b.second().channel().try_receive(to).error() == ReceiveError::kTooSmall);
  }
  auto got = b.receive(End::kSecond);
  REQUIRE(got.has_value());
  CHECK(arrived_as(first, *got));
  got = b.receive(End::kSecond);
  REQUIRE(got.has_value());
  CHECK(arrived_as(message_of("the second"), *got));
}

HAWSER_CLAUSE("2.8 an empty channel says so, and a receive with no room too") {
  REQUIRE(b.connect());
  Message to(b.second().channel().mtu());
  CHECK(b.second().channel().try_receive(to).error() == ReceiveError::kEmpty);
  CHECK(b.second().channel().try_receive({}).error() == ReceiveError::kEmpty);
}

HAWSER_CLAUSE("2.9 before the link is up nothing is sent or received") {
  for (const End end : kBothEnds) {
    CHECK(b.try_send(end, message_of("early")).error() == SendError::kDown);
    Message to(64);
    CHECK(b.link(end).channel().try_receive(to).error() == ReceiveError::kDown);
  }
  REQUIRE(b.connect());
  for (const End end : kBothEnds) CHECK_FALSE(b.receive(end).has_value());
}

HAWSER_CLAUSE(
    "2.10 a message is sent from a copy: what the caller does with its bytes afterwards is its own affair") {
  REQUIRE(b.connect());
  Message message = message_of("before");
  REQUIRE(b.send(End::kFirst, message));
  message = message_of("after!");
  const auto got = b.receive(End::kSecond);
  REQUIRE(got.has_value());
  CHECK(arrived_as(message_of("before"), *got));
}

HAWSER_CLAUSE("2.10 sending does not ring by itself") {
  REQUIRE(b.connect());
  const std::uint64_t before = b.first().counters().rings_asked;
  for (int i = 0; i < 3; ++i) (void)b.try_send(End::kFirst, message_of("quietly"));
  CHECK(b.first().counters().rings_asked == before);
}

HAWSER_CLAUSE("7.1 messages and rings are counted") {
  REQUIRE(b.connect());
  const LinkCounters first = b.first().counters();
  const LinkCounters second = b.second().counters();
  for (int i = 0; i < 3; ++i) REQUIRE(b.passes(End::kFirst, "counted"));
  CHECK(b.try_send(End::kFirst, Message(b.first().channel().mtu() + 1)).error() == SendError::kTooBig);
  b.first().bell().ring();
  b.first().bell().ring(Mark(5));
  CHECK(b.first().counters().messages_sent == first.messages_sent + 3);
  CHECK(b.second().counters().messages_received == second.messages_received + 3);
  CHECK(b.second().counters().messages_sent == second.messages_sent);
  CHECK(b.first().counters().rings_asked >= first.rings_asked + 2);
}

}  // namespace hawser::conformance
