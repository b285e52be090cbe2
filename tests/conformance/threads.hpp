// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Clauses 2.2, 3.1 and 3.3 with both ends in threads of their own: for pairs that say kTwoThreads.
//
// A lost ring is told from a slow machine like this: the ringer says privately that it has rung, after it has. A
// waiter that timed out, then reads that, then waits again without any time and times out again, has lost a ring.
#pragma once

#include "bench.hpp"

#include <atomic>
#include <thread>

namespace hawser::conformance {

/// How long a game may take: a bound for what would otherwise wait for ever.
constexpr Duration kLongest = seconds(60);

/// One side of a game of catch: receives a number, looks at the marks, sends the next number back, rings.
template <class L>
class Catcher {
 public:
  Catcher(L& link, std::atomic<std::uint32_t>& my_rings, std::atomic<std::uint32_t>& peer_rings,
          std::atomic<bool>& stop)
      : link_(link), my_rings_(my_rings), peer_rings_(peer_rings), stop_(stop) {}

  void throw_ball(std::uint32_t number) {
    le32 wire = number;
    const std::array parts = {wire_bytes(wire)};
    while (!link_.channel().try_send(parts).ok()) {
      if (given_up()) return;
      std::this_thread::yield();
    }
    link_.bell().ring(Mark(number));
    my_rings_.store(number);
  }

  void play(std::uint32_t next, std::uint32_t last) {
    std::vector<std::byte> to(link_.channel().mtu());
    Marks marks = 0;
    while (next <= last && !given_up()) {
      link_.bell().arm();
      const auto got = link_.channel().try_receive(to);
      if (!got) {
        wait(next);
        continue;
      }
      const std::uint32_t number = read_wire<le32>(to).value();
      if (number != next) ++wrong;
      // The mark was set after the message, so it may come a moment later; it must come.
      const Marks wanted = Mark(number).bit();
      while (((marks |= link_.bell().take()) & wanted) == 0) {
        if (given_up()) return;
        std::this_thread::yield();
      }
      marks = 0;
      if (number + 1 <= last) throw_ball(number + 1);
      next += 2;
    }
    finished = next > last;
  }

  std::uint32_t wrong = 0;
  std::uint32_t lost_rings = 0;
  bool finished = false;
  bool went_down = false;
  bool stuck = false;  ///< A message or a mark never came.

 private:
  bool given_up() {
    if (link_.poll() != LinkEvent::kNothing) {
      went_down = true;
      stop_ = true;
    }
    if (link_.now() > deadline_) {
      stuck = true;
      stop_ = true;
    }
    return stop_;
  }

  void wait(std::uint32_t number) {
    if (link_.bell().wait(link_.now() + milliseconds(20)) != Wake::kTimeout) return;
    if (peer_rings_.load() < number) return;
    if (link_.bell().wait(link_.now()) == Wake::kTimeout) ++lost_rings;
  }

  L& link_;
  std::atomic<std::uint32_t>& my_rings_;
  std::atomic<std::uint32_t>& peer_rings_;
  std::atomic<bool>& stop_;
  const Instant deadline_ = link_.now() + kLongest;
};

HAWSER_CLAUSE("3.1 between two threads no message, ring or mark is lost") {
  if constexpr (P::kTwoThreads) {
    constexpr std::uint32_t kLast = 4000;
    bool finished = false;
    for (int attempt = 0; attempt < 5 && !finished; ++attempt) {
      Bench<P> fresh;
      REQUIRE(fresh.connect());
      std::atomic<std::uint32_t> first_rings{0};
      std::atomic<std::uint32_t> second_rings{0};
      std::atomic<bool> stop{false};
      Catcher first(fresh.first(), first_rings, second_rings, stop);
      Catcher second(fresh.second(), second_rings, first_rings, stop);
      std::thread thread([&] { second.play(1, kLast); });
      first.throw_ball(1);
      first.play(2, kLast);
      thread.join();
      CHECK(first.wrong + second.wrong == 0);
      REQUIRE_FALSE((first.stuck || second.stuck));
      // A carrier that delivers late (a fault to order) looks the same as one that loses; the pair says so.
      if constexpr (!P::kRingsMayBeLate) CHECK(first.lost_rings + second.lost_rings == 0);
      finished = first.finished && second.finished;
      // A machine so slow that one end looked dead: legal (clause 1.6), but it proves nothing.
      if (!finished) REQUIRE((first.went_down || second.went_down));
    }
    CHECK(finished);
  }
}

HAWSER_CLAUSE("2.2 between two threads messages of any size arrive whole, once and in order") {
  if constexpr (P::kTwoThreads) {
    constexpr unsigned kMessages = 5000;
    bool finished = false;
    for (int attempt = 0; attempt < 5 && !finished; ++attempt) {
      Bench<P> fresh;
      REQUIRE(fresh.connect());
      const std::size_t mtu = fresh.first().channel().mtu();
      std::atomic<bool> stop{false};
      const auto message_number = [mtu, seed](unsigned number) {
        Random random(seed + number);
        Message message(random.below(mtu + 1));
        random.fill(message);
        return message;
      };
      std::thread sender([&] {
        auto& link = fresh.first();
        for (unsigned number = 0; number < kMessages && !stop;) {
          const Message message = message_number(number);
          const std::array parts = {std::span<const std::byte>(message)};
          link.bell().arm();
          if (link.channel().try_send(parts).ok()) {
            ++number;
            link.bell().ring();
            continue;
          }
          if (link.poll() != LinkEvent::kNothing) stop = true;
          (void)link.bell().wait(link.now() + milliseconds(10));
        }
      });
      auto& link = fresh.second();
      unsigned received = 0;
      unsigned wrong = 0;
      Message to(mtu);
      const Instant deadline = link.now() + kLongest;
      while (received < kMessages && !stop) {
        if (link.now() > deadline) stop = true;
        link.bell().arm();
        const auto length = link.channel().try_receive(to);
        if (length) {
          const Message got(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(*length));
          if (!arrived_as(message_number(received++), got)) ++wrong;
          continue;
        }
        if (link.poll() != LinkEvent::kNothing) stop = true;
        (void)link.bell().wait(link.now() + milliseconds(10));
      }
      sender.join();
      CHECK(wrong == 0);
      REQUIRE(link.now() <= deadline);
      finished = received == kMessages;
    }
    CHECK(finished);
  }
}

HAWSER_CLAUSE("4.4 between two threads, what was stored before a publish is seen by who observes it") {
  if constexpr (P::kTwoThreads) {
    REQUIRE(b.connect());
    if (b.first().visibility() == Visibility::kCopied) return;
    constexpr std::uint32_t kRounds = 20'000;
    const auto mine = b.first().region().area(Offset(0), 256, 64).value();
    const auto theirs = b.second().region().area(Offset(0), 256, 64).value();
    mine.template store<std::uint32_t>(0, 0);
    mine.template store<std::uint32_t>(128, 0);
    std::thread writer([&] {
      for (std::uint32_t round = 1; round <= kRounds; ++round) {
        mine.template store<std::uint64_t>(64, round * 3);
        mine.template publish<std::uint32_t>(0, round);
        while (mine.template observe<std::uint32_t>(128) != round) std::this_thread::yield();
      }
    });
    std::uint32_t wrong = 0;
    for (std::uint32_t round = 1; round <= kRounds; ++round) {
      while (theirs.template observe<std::uint32_t>(0) != round) std::this_thread::yield();
      if (theirs.template load<std::uint64_t>(64) != round * 3) ++wrong;
      theirs.template publish<std::uint32_t>(128, round);
    }
    writer.join();
    CHECK(wrong == 0);
  }
}

}  // namespace hawser::conformance
