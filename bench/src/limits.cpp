// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "limits.hpp"

#include <hawser/transport/order.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hawser::bench {

namespace {

struct alignas(128) Line {  // 128: processors fetch lines in pairs
  std::uint64_t word = 0;
};

Sample pingpong(Cores cores, unsigned rounds, Line& ours, Line& theirs) {
  const auto measure = [&](Patience& patience) {
    for (std::uint64_t n = 1; n <= rounds; ++n) {
      publish(&ours.word, 2 * n - 1);
      while (observe(&theirs.word) != 2 * n) {
        if (!patience.wait()) return;
      }
      patience.reset();
    }
  };
  const auto answer = [&](Patience& patience) {
    for (std::uint64_t n = 1; n <= rounds; ++n) {
      while (observe(&ours.word) != 2 * n - 1) {
        if (!patience.wait()) return;
      }
      patience.reset();
      publish(&theirs.word, 2 * n);
    }
  };
  return per_unit(timed_pair(cores, measure, answer), rounds);
}

}  // namespace

Sample pingpong_one_line(Cores cores, unsigned rounds) {
  Line line;
  return pingpong(cores, rounds, line, line);
}

Sample pingpong_two_line(Cores cores, unsigned rounds) {
  std::array<Line, 2> lines;
  return pingpong(cores, rounds, lines[0], lines[1]);
}

Sample memcpy_4k(Cores cores, unsigned rounds) {
  alignas(64) static std::array<std::byte, 4096> from;
  alignas(64) static std::array<std::byte, 4096> to;
  const auto measure = [rounds](Patience&) {
    for (unsigned n = 0; n < rounds; ++n) {
      std::memcpy(to.data(), from.data(), to.size());
      asm volatile("" : : "r"(to.data()) : "memory");
    }
  };
  return per_unit(timed_pair(cores, measure, [](Patience&) {}), rounds);
}

}  // namespace hawser::bench
