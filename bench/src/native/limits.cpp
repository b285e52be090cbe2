// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The suite `limits`.
#include "limits.hpp"

namespace hawser::bench {
namespace {

Point copy_point(Cores cores, std::size_t bytes, bool warm) {
  Point point;
  point.figure = {.name = std::string("memcpy.") + (warm ? "warm." : "cold.") + std::to_string(bytes),
                  .what = warm ? "copy within the caches" : "copy between places that no cache holds",
                  .unit = "byte/s",
                  .better = Better::kHigher,
                  .samples = {},
                  .limit = true,
                  .params = {{"payload", static_cast<double>(bytes)}, {"cache", warm ? "warm" : "cold"}}};
  if (!warm) point.most = cold_copies(bytes);
  point.run = [=](unsigned units, Histogram*) {
    return warm ? memcpy_warm(cores, bytes, units) : memcpy_cold(cores, bytes, units);
  };
  return point;
}

}  // namespace

void run_limits(const SuiteOptions& options, Sink& sink) {
  const Cores cores = options.cores;
  const Cores same{cores.measuring, cores.measuring};
  std::vector<Point> points;
  points.push_back(pingpong_point(cores));
  points.back().latency = true;
  Point two = pingpong_point(cores);
  two.figure.name = "pingpong.two_line";
  two.figure.what = "round trip, each writes a cache line of its own";
  two.figure.against = "pingpong.one_line";
  two.run = [cores](unsigned units, Histogram* single) { return pingpong_two_line(cores, units, single); };
  points.push_back(two);
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
