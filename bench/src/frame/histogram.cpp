// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/histogram.hpp>

#include <algorithm>
#include <cmath>

namespace hawser::bench {

void Histogram::add(const Histogram& other) {
  for (std::size_t n = 0; n < counts_.size(); ++n) counts_[n] += other.counts_[n];
  total_ += other.total_;
  max_ = std::max(max_, other.max_);
}

double Histogram::percentile(double share) const {
  if (total_ == 0) return 0;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_) - 1e-9)));
  std::uint64_t seen = 0;
  for (std::size_t n = 0; n < counts_.size(); ++n) {
    seen += counts_[n];
    if (seen >= rank) return static_cast<double>(std::min(Buckets::last(n), max_));
  }
  return static_cast<double>(max_);
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> found;
  for (std::size_t n = 0; n < counts_.size(); ++n)
    if (counts_[n] != 0) found.push_back({static_cast<double>(std::min(Buckets::last(n), max_)), counts_[n]});
  return found;
}

}  // namespace hawser::bench
