// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the conformance tests share: a pair of links under test, and patient versions of the link's calls. Patient,
// because a link may be slow, say kFull for no reason, or ring for no reason, and still keep its contract.
#pragma once

#include "support/seed.hpp"

#include <hawser/transport/link.hpp>
#include <hawser/transport/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace hawser::conformance {

enum class End : std::uint8_t {
  kFirst,
  kSecond
};

constexpr std::array kBothEnds = {End::kFirst, End::kSecond};
constexpr End other(End end) {
  return end == End::kFirst ? End::kSecond : End::kFirst;
}

using Message = std::vector<std::byte>;

inline Message message_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return Message(bytes.begin(), bytes.end());
}

/// True when `got` is `sent`, perhaps padded with zeros (clause 2.5).
inline bool arrived_as(const Message& sent, const Message& got) {
  return got.size() >= sent.size() && std::equal(sent.begin(), sent.end(), got.begin()) &&
         std::all_of(got.begin() + static_cast<std::ptrdiff_t>(sent.size()), got.end(),
                     [](std::byte b) { return b == std::byte{0}; });
}

template <class P>
class Bench {
 public:
  using LinkType = typename P::LinkType;
  static_assert(hawser::Link<LinkType>);

  /// How long anything may take before it counts as never, and in what steps time is let pass.
  static constexpr Duration kPatience = seconds(10);
  static constexpr Duration kStep = milliseconds(1);

  LinkType& link(End end) { return end == End::kFirst ? pair.first() : pair.second(); }
  LinkType& first() { return pair.first(); }
  LinkType& second() { return pair.second(); }

  /// Polls both ends (or only those in `living`) until done(); false if it never is.
  template <class Done>
  bool until(Done done, std::span<const End> living = kBothEnds) {
    for (std::uint64_t waited = 0; waited < kPatience.ns; waited += kStep.ns) {
      for (const End end : living) note(end, link(end).poll());
      if (done()) return true;
      pair.advance(kStep);
    }
    return false;
  }

  bool up(End end) { return link(end).state() == LinkState::kUp; }
  bool both_up() { return up(End::kFirst) && up(End::kSecond); }
  bool connect() {
    return until([this] { return both_up(); });
  }
  /// Both up, in another epoch than before.
  bool connect_anew(Epoch before) {
    return until([&] { return both_up() && first().epoch() != before; });
  }

  /// Polls the living ends for a while.
  void idle(Duration span, std::span<const End> living = kBothEnds) {
    for (std::uint64_t passed = 0; passed < span.ns; passed += kStep.ns) {
      for (const End end : living) note(end, link(end).poll());
      pair.advance(kStep);
    }
  }

  Result<void, SendError> try_send(End end, const Message& message) {
    const std::array parts = {std::span<const std::byte>(message)};
    return link(end).channel().try_send(parts);
  }
  /// Tries again while the channel is full.
  bool send(End end, const Message& message) {
    for (int i = 0; i < 100; ++i) {
      const auto sent = try_send(end, message);
      if (sent.ok()) return true;
      if (sent.error() != SendError::kFull) return false;
    }
    return false;
  }
  std::optional<Message> receive(End end) {
    Message to(link(end).channel().mtu());
    const auto length = link(end).channel().try_receive(to);
    if (!length) return std::nullopt;
    REQUIRE(*length <= to.size());
    to.resize(*length);
    return to;
  }
  bool passes(End from, std::string_view text) {
    const Message message = message_of(text);
    if (!send(from, message)) return false;
    const auto got = receive(other(from));
    return got && arrived_as(message, *got);
  }

  /// Waits until quiet: rings that are still on their way, and spurious ones, are gone.
  bool quieten(End end) {
    LinkType& l = link(end);
    int quiet = 0;
    for (int i = 0; i < 10'000; ++i) {
      note(other(end), link(other(end)).poll());
      note(end, l.poll());
      l.bell().arm();
      quiet = l.bell().wait(l.now() + kStep) == Wake::kTimeout ? quiet + 1 : 0;
      if (quiet == 5) return true;
    }
    return false;
  }

  /// Waits for a ring that has been made; gives up at the deadline.
  Wake wait(End end, Duration longest) {
    note(end, link(end).poll());
    return link(end).bell().wait(link(end).now() + longest);
  }

  /// The marks that arrive, until all of `wanted` have.
  Marks collect(End end, Marks wanted) {
    Marks got = 0;
    for (std::uint64_t waited = 0; waited < seconds(1).ns; waited += kStep.ns) {
      got |= link(end).bell().take();
      if ((got & wanted) == wanted) break;
      note(end, link(end).poll());
      note(other(end), link(other(end)).poll());
      pair.advance(kStep);
    }
    return got;
  }

  /// What poll() has reported, in order.
  std::vector<LinkEvent>& events(End end) { return events_[static_cast<unsigned>(end)]; }
  void note(End end, LinkEvent event) {
    if (event != LinkEvent::kNothing) events(end).push_back(event);
  }

  P pair{test::seed()};

 private:
  std::array<std::vector<LinkEvent>, 2> events_;
};

}  // namespace hawser::conformance

/// One clause, for every link under test. Inside: `P`, `Bench<P> b` (fresh), `seed`.
#define HAWSER_CLAUSE_NAMED(function, sentence)              \
  template <class P>                                         \
  static void function(Bench<P>& b, std::uint64_t seed);     \
  TEST_CASE_TEMPLATE(sentence, P, HAWSER_LINKS_UNDER_TEST) { \
    HAWSER_TEST_SEED(seed);                                  \
    Bench<P> b;                                              \
    function<P>(b, seed);                                    \
  }                                                          \
  template <class P>                                         \
  static void function([[maybe_unused]] Bench<P>& b, [[maybe_unused]] std::uint64_t seed)
#define HAWSER_CLAUSE(sentence) HAWSER_CLAUSE_NAMED(DOCTEST_ANONYMOUS(hawser_clause_), sentence)
