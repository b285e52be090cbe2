// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Counts of durations in buckets that grow with them: any range, at most 1/32 off, no allocation while counting.
#pragma once

#include <hawser/virtio/queue/log_buckets.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace hawser::bench {

class Histogram {
 public:
  struct Bucket {
    double upper = 0;  ///< No value in it is larger.
    std::uint64_t count = 0;
  };

  void add(std::uint64_t value) {
    ++counts_[Buckets::bucket(value)];
    ++total_;
    if (value > max_) max_ = value;
  }
  void add(const Histogram& other);
  void clear() { *this = Histogram(); }

  std::uint64_t total() const { return total_; }
  std::uint64_t max() const { return max_; }

  /// The smallest upper bound below which `share` (0 to 1) of all values are; never above max(). 0 without values.
  double percentile(double share) const;

  /// Those that hold something, ascending.
  std::vector<Bucket> buckets() const;

 private:
  using Buckets = virtio::LogBuckets<5>;  // 32 an octave

  std::array<std::uint64_t, Buckets::kCount> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace hawser::bench
