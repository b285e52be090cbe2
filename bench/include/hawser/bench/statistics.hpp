// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What is said of samples: medians, and how far these samples alone leave them open. What differs from run to run, but not
// within one, no interval knows of.
#pragma once

#include <cstdint>
#include <span>

namespace hawser::bench {

/// The middle one; the mean of the two middle ones of an even number. 0 of none.
double median(std::span<const double> samples);

/// @param share  0 to 1, linear between neighbors. 0 of none.
double quantile(std::span<const double> samples, double share);

struct Interval {
  double low = 0;
  double middle = 0;
  double high = 0;
};

/// Samples of one figure, and of what it is held against in the same run (empty: nothing).
struct Sampled {
  std::span<const double> samples;
  std::span<const double> against;
};

/// Between which bounds the ratio of medians after/before lies, by bootstrap: all are drawn anew, with replacement,
/// `draws` times. Held against something, it is the ratio of the ratios. The same seed gives the same answer.
Interval ratio_interval(const Sampled& before, const Sampled& after, double confidence = 0.99,
                        unsigned draws = 4000, std::uint64_t seed = 1);

}  // namespace hawser::bench
