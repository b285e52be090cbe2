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

double pingpong(Cores cores, unsigned rounds, Line& ours, Line& theirs) {
  const auto measure = [&] {
    for (std::uint64_t n = 1; n <= rounds; ++n) {
      publish(&ours.word, 2 * n - 1);
      while (observe(&theirs.word) != 2 * n) spin_hint();
    }
  };
  const auto answer = [&] {
    for (std::uint64_t n = 1; n <= rounds; ++n) {
      while (observe(&ours.word) != 2 * n - 1) spin_hint();
      publish(&theirs.word, 2 * n);
    }
  };
  return static_cast<double>(timed_pair(cores, measure, answer)) / rounds;
}

}  // namespace

double pingpong_one_line(Cores cores, unsigned rounds) {
  Line line;
  return pingpong(cores, rounds, line, line);
}

double pingpong_two_line(Cores cores, unsigned rounds) {
  std::array<Line, 2> lines;
  return pingpong(cores, rounds, lines[0], lines[1]);
}

double memcpy_4k(Cores cores, unsigned rounds) {
  alignas(64) static std::array<std::byte, 4096> from;
  alignas(64) static std::array<std::byte, 4096> to;
  const auto measure = [rounds] {
    for (unsigned n = 0; n < rounds; ++n) {
      std::memcpy(to.data(), from.data(), to.size());
      asm volatile("" : : "r"(to.data()) : "memory");
    }
  };
  return static_cast<double>(timed_pair(cores, measure, [] {})) / rounds;
}

}  // namespace hawser::bench
