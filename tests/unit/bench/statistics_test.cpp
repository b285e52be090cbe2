// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Medians, intervals and histograms, with answers known beforehand.
#include <hawser/bench/histogram.hpp>
#include <hawser/bench/statistics.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace hawser::bench;

TEST_CASE("a median is the middle, or lies between the two in the middle") {
  CHECK(median(std::vector<double>{3, 1, 2}) == 2);
  CHECK(median(std::vector<double>{4, 1, 2, 3}) == 2.5);
  CHECK(median(std::vector<double>{7}) == 7);
  CHECK(median({}) == 0);
}

TEST_CASE("a quantile lies between its neighbors in proportion") {
  const std::vector<double> ten{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  CHECK(quantile(ten, 0) == 0);
  CHECK(quantile(ten, 0.25) == doctest::Approx(2.5));
  CHECK(quantile(ten, 1) == 10);
}

TEST_CASE("of two runs without spread, the interval is the ratio itself") {
  const std::vector<double> before{10, 10, 10}, after{12, 12, 12};
  const Interval change = ratio_interval({before, {}}, {after, {}});
  CHECK(change.low == doctest::Approx(1.2));
  CHECK(change.middle == doctest::Approx(1.2));
  CHECK(change.high == doctest::Approx(1.2));
}

TEST_CASE("held against a limit that moved as much, nothing changed") {
  const std::vector<double> before{10, 10}, limit_before{5, 5}, after{20, 20}, limit_after{10, 10};
  const Interval change = ratio_interval({before, limit_before}, {after, limit_after});
  CHECK(change.low == doctest::Approx(1));
  CHECK(change.high == doctest::Approx(1));
}

TEST_CASE("an interval holds the true ratio of spread samples, excludes others, and is the same each time") {
  std::vector<double> before, after;
  for (int n = 0; n < 51; ++n) {
    before.push_back(100 + n * 37 % 51 * 0.2);  // 100 to 110
    after.push_back(1.3 * (100 + n * 23 % 51 * 0.2));
  }
  const Interval change = ratio_interval({before, {}}, {after, {}});
  CHECK(change.low < 1.3);
  CHECK(change.high > 1.3);
  CHECK(change.low > 1.2);
  CHECK(change.high < 1.4);
  const Interval again = ratio_interval({before, {}}, {after, {}});
  CHECK(change.low == again.low);
  CHECK(change.high == again.high);
  CHECK(ratio_interval({before, {}}, {after, {}}, 0.99, 4000, 2).low != change.low);
}

TEST_CASE("from nothing to nothing is no change, from nothing to something is an infinite one") {
  const std::vector<double> zero{0, 0}, some{1, 1};
  CHECK(ratio_interval({zero, {}}, {zero, {}}).middle == 1);
  CHECK(ratio_interval({zero, {}}, {some, {}}).low > 1e300);
}

TEST_CASE("percentiles of a histogram are exact below 32, and at most a thirty-second too high above") {
  Histogram small;
  for (unsigned n = 1; n <= 20; ++n) small.add(n);
  CHECK(small.percentile(0.5) == 10);
  CHECK(small.percentile(0.99) == 20);
  CHECK(small.percentile(1) == 20);
  Histogram large;
  for (unsigned n = 1; n <= 100'000; ++n) large.add(n);
  for (const double share : {0.5, 0.99, 0.999}) {
    CHECK(large.percentile(share) >= share * 100'000);
    CHECK(large.percentile(share) <= share * 100'000 * 33 / 32);
  }
  CHECK(large.max() == 100'000);
  CHECK(Histogram().percentile(0.5) == 0);
}

TEST_CASE("every value falls into the bucket that says so, up to the largest there is") {
  for (std::uint64_t value : {0ull, 31ull, 32ull, 33ull, 63ull, 64ull, 1'000'000'007ull, ~0ull}) {
    Histogram one;
    one.add(value);
    const auto buckets = one.buckets();
    REQUIRE(buckets.size() == 1);
    CHECK(buckets[0].upper == static_cast<double>(value));  // never above the largest seen
  }
  Histogram two;
  two.add(1000);
  two.add(2000);
  CHECK(two.buckets()[0].upper >= 1000);
  CHECK(two.buckets()[0].upper < 1000 * 33.0 / 32);
}
