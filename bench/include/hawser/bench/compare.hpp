// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two runs of one machine, side by side: what became slower, faster, or cannot be told.
#pragma once

#include <hawser/bench/results.hpp>
#include <hawser/bench/statistics.hpp>

#include <string>
#include <vector>

namespace hawser::bench {

enum class Verdict {
  kSame,     ///< Within the tolerance, for certain.
  kBetter,   ///< Beyond it, for certain.
  kWorse,    ///< Beyond it, for certain: a regression.
  kUnclear,  ///< The samples do not say, are too few, or are held against another figure than before.
  kLimit,    ///< The machine's or somebody else's own; shown, never counted.
};

struct Comparison {
  std::string name;  ///< "suite/figure"
  std::string unit;
  double before = 0, after = 0;  ///< Medians.
  bool by_ratio = false;         ///< The change is that of the ratio to what the figure is held against.
  Interval change;               ///< after / before
  Verdict verdict = Verdict::kUnclear;
};

struct Comparisons {
  std::vector<Comparison> figures;
  std::vector<std::string> only_before, only_after;
  unsigned regressions() const;
};

/// @param tolerance  0.05: a twentieth more or less is the same.
/// Throws std::runtime_error in one sentence when the two are not of one machine, or were not measured alike.
Comparisons compare(const Results& before, const Results& after, double tolerance = 0.05);

std::string table(const Comparisons& comparisons, double tolerance);

}  // namespace hawser::bench
