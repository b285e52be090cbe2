// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The suite `limits`.
#include "limits.hpp"

namespace hawser::bench {
void run_limits(const SuiteOptions& options, Sink& sink) {
  const Cores cores = options.cores;
  const Cores same{cores.measuring, cores.measuring};
  std::vector<Point> points;
  points.push_back(pingpong_point(cores));
  points.back().latency = true;
  points.push_back(pingpong_two_line_point(cores));
  Point call;
  call.figure = {.name = "syscall",
                 .what = "a system call that does nothing",
                 .unit = "ns",
                 .samples = {},
                 .limit = true};
  call.run = [cores](unsigned units, Histogram*) { return system_call(cores, units); };
  points.push_back(call);
  for (const Cores where : {same, cores}) {
    points.push_back(eventfd_point(where));
    points.push_back(futex_point(where));
  }
  for (const bool warm : {true, false})
    for (std::size_t bytes = 64; bytes <= 1 << 20; bytes *= 4)
      points.push_back(copy_point(cores, bytes, warm));
  for (const std::size_t bytes : {std::size_t{4096}, std::size_t{65536}, std::size_t{1} << 20})
    points.push_back(hand_over_point(cores, bytes, 4));
  measure(std::move(points), options,
          {"limits", options.quick ? kSliceNs / 2 : kSliceNs, options.quick ? 25u : 201u}, sink);
}

}  // namespace hawser::bench
