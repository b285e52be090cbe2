// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Messages there and back between two processes that sleep meanwhile, over somebody else's queue.
#pragma once

#include "job.hpp"

#include <cmath>
#include <span>

namespace hawser::peers {

/// `Queue::serve(folder)` answers each message with the same, in a process of its own, for ever. `Queue(folder)` is the
/// other end; trip(out, in) sends and receives one. Both begin on their core, so that their threads stay there.
template <class Queue>
int measure_trips(int argc, char** argv) {
  if (argc != 4) fail(std::string("usage: ") + argv[0] + " FOLDER CORE CORE");
  const std::string folder = argv[1];
  const int here = std::atoi(argv[2]), there = std::atoi(argv[3]);
  const bench::LinkProcess server([&] {
    bench::pin(there);
    Queue::serve(folder);
  });
  bench::pin(here);
  Queue queue(folder);
  return do_jobs([&](const Job& job) {
    std::vector<std::byte> out(job.bytes, std::byte{0x5a}), in(job.bytes);
    const auto trips = [&](double ns, bench::Histogram* single) {
      const std::uint64_t start = bench::clock_ns();
      const auto end = start + static_cast<std::uint64_t>(ns);
      unsigned done = 0;
      for (std::uint64_t now = start; now < end; ++done) {
        if (!queue.trip(out, in)) fail("a message did not come back");
        const std::uint64_t then = bench::clock_ns();
        if (single != nullptr) single->add(then - now);
        now = then;
      }
      return static_cast<double>(bench::clock_ns() - start) / done;
    };
    trips(job.ns / 10, nullptr);  // warm
    // Whoever sleeps is taken off its core all the time: the median has to do.
    const auto count = static_cast<unsigned>(std::ceil(job.ns / bench::kSliceNs));
    bench::Histogram single;
    std::vector<double> slices;
    for (unsigned n = 0; n < count; ++n) slices.push_back(trips(bench::kSliceNs, &single));
    say(bench::median(slices), single);
  });
}

}  // namespace hawser::peers
