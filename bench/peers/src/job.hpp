// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How a program of the suite `peers` is told what to measure and says what it got: a line of standard input is a job, a
// line of standard output what came of it. An empty object says that it is ready.
//
//     64 echo 200                   bytes, what, milliseconds
//     {"ns": 1234.5}                of one of them; perhaps with "latency"
#pragma once

#include "native/link_process.hpp"
#include "native/pair.hpp"

#include <hawser/bench/figure.hpp>
#include <hawser/bench/histogram.hpp>
#include <hawser/bench/statistics.hpp>

#include <fmt/format.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <sys/prctl.h>
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
  prctl(PR_SET_PDEATHSIG, SIGKILL);
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
  const bench::Latency l = bench::latency_of(single);
  fmt::print(
      "{{\"ns\": {:.2f}, \"latency\": {{\"unit\": \"ns\", \"p50\": {}, \"p99\": {}, \"p99.9\": {}, \"max\": "
      "{}}}}}\n",
      ns, l.p50, l.p99, l.p999, l.max);
  std::fflush(stdout);
}

/// The median of short slices, as `hawser bench` measures: those in which a thread lost its core are left out, where there
/// are others. `slice(ns)` goes on for about so long, and returns nanoseconds of one of what it did; `preempted()` is how
/// often the other side has lost its core.
inline double median_of_slices(double ns, const std::function<std::uint64_t()>& preempted,
                               const std::function<double(double)>& slice) {
  constexpr double kSlice = 8e6;
  std::vector<double> clean, all;
  slice(kSlice / 4);  // warm
  for (const auto end = static_cast<double>(bench::clock_ns()) + ns;
       all.empty() || static_cast<double>(bench::clock_ns()) < end;) {
    const long here = bench::preemptions();
    const std::uint64_t there = preempted();
    all.push_back(slice(kSlice));
    if (bench::preemptions() == here && preempted() == there) clean.push_back(all.back());
  }
  return bench::median(clean.empty() ? all : clean);
}

}  // namespace hawser::peers
