// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How a program of the suite `peers` is told what to measure and says what it got: a line of standard input is a job, a
// line of standard output what came of it. An empty object says that it is ready.
//
//     64 echo 200                   bytes, what, milliseconds
//     {"ns": 1234.5}                of one of them; perhaps with "latency". Or "why" there is nothing
#pragma once

#include "native/link_process.hpp"
#include "native/pair.hpp"

#include <hawser/bench/figure.hpp>
#include <hawser/bench/histogram.hpp>
#include <hawser/bench/statistics.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace hawser::peers {

/// The suite shows the last line of standard error.
[[noreturn]] inline void fail(const std::string& why) {
  std::cerr << why << std::endl;
  std::_Exit(1);
}

struct Job {
  std::size_t bytes = 0;
  std::string what;
  double ns = 0;  ///< About how long it takes.
};

/// Does jobs until there are none. What starts another process or thread comes before.
inline int do_jobs(const std::function<void(const Job&)>& work) {
  std::cout << "{}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    Job job;
    double milliseconds = 0;
    std::istringstream words(line);
    if (!(words >> job.bytes >> job.what >> milliseconds) || milliseconds <= 0) fail("not a job: " + line);
    job.ns = milliseconds * 1e6;
    work(job);
  }
  return 0;
}

inline void say(double ns) {
  fmt::print("{{\"ns\": {:.2f}}}\n", ns);
  std::fflush(stdout);
}
inline void say(double ns, const bench::Histogram& single) {
  if (single.total() == 0) return say(ns);
  const bench::Latency l = bench::latency_of(single);
  fmt::print(
      "{{\"ns\": {:.2f}, \"latency\": {{\"unit\": \"ns\", \"p50\": {}, \"p99\": {}, \"p99.9\": {}, \"max\": "
      "{}}}}}\n",
      ns, l.p50, l.p99, l.p999, l.max);
  std::fflush(stdout);
}

/// Nothing to be said.
inline void say_disturbed() {
  fmt::print("{{\"why\": \"disturbed in every run: this machine is too busy\"}}\n");
  std::fflush(stdout);
}

/// Short slices, as `hawser bench` measures: those in which a thread lost its core do not count, and are made up for within
/// some time. `slice(ns)` goes on for about so long, and returns nanoseconds of one of what it did; `keep` gets that of each
/// that was left alone; `preempted()` is how often the other side has lost its core.
inline void clean_slices(double ns, const std::function<std::uint64_t()>& preempted,
                         const std::function<double(double)>& slice,
                         const std::function<void(double)>& keep) {
  constexpr double kPatience = 2.5;
  bool any = false;
  const auto start = static_cast<double>(bench::clock_ns());
  for (double spent = 0; spent < ns || (!any && spent < kPatience * ns);
       spent = static_cast<double>(bench::clock_ns()) - start) {
    const long here = bench::preemptions();
    const std::uint64_t there = preempted();
    const double each = slice(bench::kSliceNs);
    if (bench::preemptions() != here || preempted() != there) continue;
    keep(each);
    any = true;
  }
}

/// Their median; nothing where none was left alone.
inline std::optional<double> median_of_slices(double ns, const std::function<std::uint64_t()>& preempted,
                                              const std::function<double(double)>& slice) {
  std::vector<double> samples;
  slice(bench::kSliceNs);  // warm
  clean_slices(ns, preempted, slice, [&samples](double each) { samples.push_back(each); });
  if (samples.empty()) return std::nullopt;
  return bench::median(samples);
}

}  // namespace hawser::peers
