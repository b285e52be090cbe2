// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Cache lines between two cores.
#include "limits.hpp"

#include <hawser/transport/order.hpp>

#include <array>
#include <cstring>
#include <vector>

namespace hawser::bench {
namespace {

struct alignas(128) Line {  // 128: processors fetch lines in pairs
  std::uint64_t word = 0;
};

Run pingpong(Cores cores, unsigned units, Histogram* single, Line& ours, Line& theirs) {
  const auto measure = [&](Patience& patience, const Pass& pass) {
    Stopwatch watch(pass.single);
    for (std::uint64_t n = pass.from + 1; n <= pass.end(); ++n) {
      publish(&ours.word, 2 * n - 1);
      while (observe(&theirs.word) != 2 * n) {
        if (!patience.wait()) return;
      }
      patience.reset();
      watch.lap();
    }
  };
  const auto answer = [&](Patience& patience, const Pass& pass) {
    for (std::uint64_t n = pass.from + 1; n <= pass.end(); ++n) {
      while (observe(&ours.word) != 2 * n - 1) {
        if (!patience.wait()) return;
      }
      patience.reset();
      publish(&theirs.word, 2 * n);
    }
  };
  return timed_pair(cores, units, single, measure, answer);
}

}  // namespace

Run pingpong_one_line(Cores cores, unsigned units, Histogram* single) {
  Line line;
  return pingpong(cores, units, single, line, line);
}

Run pingpong_two_line(Cores cores, unsigned units, Histogram* single) {
  std::array<Line, 2> lines;
  return pingpong(cores, units, single, lines[0], lines[1]);
}

std::uint64_t touch(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at + sizeof sum <= bytes.size(); at += 64) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    sum += word;
  }
  asm volatile("" : : "r"(sum));
  return sum;
}

Run hand_over(Cores cores, std::size_t bytes, unsigned outstanding, unsigned units, Histogram* single) {
  const std::size_t place = (bytes + 4095) / 4096 * 4096 + 64;  // not all at one offset of a page
  std::vector<std::byte> from(bytes), shared(place * outstanding + 128);
  Line filled, emptied;
  const auto measure = [&](Patience& patience, const Pass& pass) {
    Stopwatch watch(pass.single);
    std::uint64_t back = pass.from;
    for (std::uint64_t n = back; back < pass.end();) {
      if (n < pass.end() && n - back < outstanding) {
        std::memcpy(shared.data() + n % outstanding * place, from.data(), bytes);
        publish(&filled.word, ++n);
        if (n - back < outstanding && n < pass.end()) continue;
      }
      std::uint64_t done;
      while ((done = observe(&emptied.word)) == back) {
        if (!patience.wait()) return;
      }
      patience.reset();
      for (; back < done; ++back) watch.lap();
    }
  };
  const auto answer = [&](Patience& patience, const Pass& pass) {
    for (std::uint64_t n = pass.from; n < pass.end();) {
      std::uint64_t there;
      while ((there = observe(&filled.word)) == n) {
        if (!patience.wait()) return;
      }
      patience.reset();
      while (n < there) {
        touch({shared.data() + n % outstanding * place, bytes});
        publish(&emptied.word, ++n);
      }
    }
  };
  return timed_pair(cores, units, single, measure, answer);
}

Point pingpong_point(Cores cores) {
  Point point;
  point.figure = {.name = "pingpong.one_line",
                  .what = "round trip, both write one cache line",
                  .unit = "ns",
                  .samples = {},
                  .limit = true};
  point.run = [cores](unsigned units, Histogram* single) { return pingpong_one_line(cores, units, single); };
  return point;
}

Point pingpong_two_line_point(Cores cores) {
  Point point = pingpong_point(cores);
  point.figure.name = "pingpong.two_line";
  point.figure.what = "round trip, each writes a cache line of its own";
  point.figure.against = "pingpong.one_line";
  point.run = [cores](unsigned units, Histogram* single) { return pingpong_two_line(cores, units, single); };
  return point;
}

Point hand_over_point(Cores cores, std::size_t bytes, unsigned outstanding) {
  Point point;
  point.figure = {.name = "handover." + std::to_string(bytes),
                  .what = "one memcpy into shared memory, handed over by a cache line",
                  .unit = "byte/s",
                  .better = Better::kHigher,
                  .samples = {},
                  .limit = true,
                  .params = {{"payload", static_cast<double>(bytes)}, {"link", "one memcpy, handed over"}}};
  point.run = [=](unsigned units, Histogram* single) {
    return hand_over(cores, bytes, outstanding, units, single);
  };
  return point;
}

}  // namespace hawser::bench
