// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a suite measures, and what it says besides: the words that suites, the report and compare share.
#pragma once

#include <hawser/bench/histogram.hpp>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace hawser::bench {

enum class Better {
  kLower,
  kHigher
};

/// What a figure should reach: a ratio to the figure it is held against, or a value of its own unit. One of the two.
struct Aim {
  enum class Sense {
    kAtMost,
    kAtLeast
  };
  std::optional<double> ratio;
  std::optional<double> value;
  Sense sense = Sense::kAtMost;
};

/// How long single requests took. Buckets are {upper bound, how many}; empty where only percentiles are known.
struct Latency {
  std::string unit = "ns";
  double p50 = 0, p99 = 0, p999 = 0, max = 0;
  std::vector<Histogram::Bucket> histogram;
};

Latency latency_of(const Histogram& histogram);

using Parameter = std::variant<double, std::string, bool>;

/// One thing that was measured, several times.
struct Figure {
  std::string name;  ///< Unique in its suite: "packed.rtt".
  std::string what;  ///< In words.
  std::string unit;  ///< ns, s, request/s, bit/s, byte/s, packet/s, count or byte.
  Better better = Better::kLower;
  std::vector<double> samples;  ///< One a run. Their median is the figure.
  std::string against;  ///< The figure it is held against: of this suite, or "suite/name". May be empty.
  std::optional<Aim> aim;
  /// What the machine or somebody else's program does; never a regression of ours.
  bool limit = false;
  /// Counted, and the same every time: one sample says all.
  bool exact = false;
  std::map<std::string, Parameter> params;  ///< What makes it a point of a curve: payload, depth, link, ...
  std::map<std::string, double>
      per_request;  ///< doorbells, interrupts, hypercalls, copies_per_byte, instructions
  std::optional<Latency> latency;
  std::string command;  ///< That measures exactly this.
};

/// Something that could not be measured here, and what to do about it.
struct Skip {
  std::string name;
  std::string why;
};

/// Plain words about a figure, or about the whole suite (no name).
struct Note {
  std::string name;
  std::string text;
};

}  // namespace hawser::bench
