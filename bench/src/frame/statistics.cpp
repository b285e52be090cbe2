// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/statistics.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace hawser::bench {
namespace {

double quantile_of_sorted(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  if (below + 1 >= sorted.size()) return sorted.back();
  if (sorted[below] == sorted[below + 1]) return sorted[below];  // infinite ones have no difference
  const double part = at - static_cast<double>(below);
  return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

/// SplitMix64. Not the library's distributions, whose numbers differ from one to another.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t bound) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<std::size_t>(((z ^ (z >> 31)) >> 32) * bound >> 32);
  }

 private:
  std::uint64_t state_;
};

double drawn_median(std::span<const double> samples, Draws& draws, std::vector<double>& room) {
  room.clear();
  for (std::size_t n = 0; n < samples.size(); ++n) room.push_back(samples[draws.below(samples.size())]);
  const auto middle = room.begin() + static_cast<std::ptrdiff_t>(room.size() / 2);
  std::nth_element(room.begin(), middle, room.end());
  if (room.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(room.begin(), middle)) / 2;
}

}  // namespace

double quantile(std::span<const double> samples, double share) {
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  return quantile_of_sorted(sorted, share);
}

double median(std::span<const double> samples) {
  return quantile(samples, 0.5);
}

Interval ratio_interval(const Sampled& before, const Sampled& after, double confidence, unsigned draws,
                        std::uint64_t seed) {
  const auto held = [](double value, double against) { return against == 0 ? value : value / against; };
  const auto ratio = [](double top, double bottom) {
    return bottom == 0 ? (top == 0 ? 1.0 : HUGE_VAL) : top / bottom;
  };
  Draws random(seed);
  std::vector<double> room, ratios;
  ratios.reserve(draws);
  const auto draw = [&](const Sampled& one) {
    const double value = drawn_median(one.samples, random, room);
    return one.against.empty() ? value : held(value, drawn_median(one.against, random, room));
  };
  for (unsigned n = 0; n < draws; ++n) {
    const double bottom = draw(before);
    ratios.push_back(ratio(draw(after), bottom));
  }
  std::sort(ratios.begin(), ratios.end());
  const auto plain = [&](const Sampled& one) {
    return one.against.empty() ? median(one.samples) : held(median(one.samples), median(one.against));
  };
  const double tail = (1 - confidence) / 2;
  return {quantile_of_sorted(ratios, tail), ratio(plain(after), plain(before)),
          quantile_of_sorted(ratios, 1 - tail)};
}

}  // namespace hawser::bench
