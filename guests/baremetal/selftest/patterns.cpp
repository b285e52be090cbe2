// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The window's check. Of a large one only the ends are looked at.
#include "patterns.hpp"

#include <algorithm>

namespace hawser::guest::selftest {
namespace {

constexpr std::size_t kEnd = 1u << 20;

constexpr std::byte fill_byte(std::size_t at) {
  return static_cast<std::byte>((at ^ at >> 8 ^ at >> 16) & 0xff);
}

// Whether holds(at) for every byte of the first and the last MiB.
template <class Holds>
bool at_both_ends(std::size_t size, Holds holds) {
  bool all = true;
  for (std::size_t at = 0; at < std::min(size, kEnd); ++at) all = holds(at) && all;
  for (std::size_t at = std::max(size, 2 * kEnd) - kEnd; at < size; ++at) all = holds(at) && all;
  return all;
}

}  // namespace

void check_window(Report& report, std::span<std::byte> window, std::uint64_t expected_size) {
  report.check(window.size() == expected_size, "the window has the size that it was given");
  report.check(at_both_ends(window.size(), [&](std::size_t at) { return window[at] == fill_byte(at); }),
               "the window shows what was written from outside");
  (void)at_both_ends(window.size(), [&](std::size_t at) {
    window[at] = ~window[at];
    return true;
  });
  report.check(at_both_ends(window.size(), [&](std::size_t at) { return window[at] == ~fill_byte(at); }),
               "the window keeps what is written to it");
}

}  // namespace hawser::guest::selftest
