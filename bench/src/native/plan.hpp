// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the native suites do alike: points, measured in turns, round after round.
#pragma once

#include <hawser/bench/sink.hpp>
#include <hawser/bench/suites.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace hawser::bench {

/// What one run of a point gave.
struct Run {
  double ns = 0;           ///< All of it.
  bool disturbed = false;  ///< A core was taken away meanwhile: it says more about the rest of the machine.
  std::string broken;      ///< Why nothing more will come of this point; "" if it may go on.
  std::map<std::string, double>
      counts;  ///< Of all of it: doorbells, interrupts, hypercalls, copied bytes, ...
};

/// A count of a point as a figure of its own: it has an aim.
struct Derived {
  Figure figure;
  std::string count;
};

struct Point {
  Figure figure;  ///< All but the samples.
  /// Does `units` of it. Where `single` is given, each of them is timed by itself.
  std::function<Run(unsigned units, Histogram* single)> run;
  bool latency = false;   ///< Some runs time single units.
  unsigned multiple = 1;  ///< Units are a multiple of that.
  unsigned most = 1u << 20;
  std::vector<Derived> derived;
};

inline constexpr double kSliceNs = 2e6;  ///< Of a run that is not quick; peers are asked as long.

struct Measuring {
  std::string suite;
  double slice_ns = kSliceNs;  ///< How long a run is, about.
  unsigned rounds = 51;
};

/// What measures that figure alone, in this way.
std::string command_of(const SuiteOptions& options, const std::string& suite, const std::string& name);

/// Warms up and chooses each point's units, then measures, until all rounds are done or somebody asks to stop. Runs that
/// were disturbed are left out; a point with fewer than half its runs is tried again at the end, within the patience.
void measure(std::vector<Point> points, const SuiteOptions& options, Measuring measuring, Sink& sink);

}  // namespace hawser::bench
