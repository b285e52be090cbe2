// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Reads of 4 KiB from a block device behind somebody else's vhost-user socket, polled, by the driver and the loop that
// `hawser bench device` has: what differs is the device and the way there. A job's `bytes` is how many at once.
#include "job.hpp"
#include "vhost_user.hpp"

#include "native/block_reads.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace {

using hawser::bench::clock_ns;
using hawser::bench::Histogram;
using hawser::peers::fail;
using hawser::peers::VhostUserTransport;

constexpr double kLatencyShare = 3;  ///< One in so many slices more; as `hawser bench device`.

/// Of all its threads: which one serves is its own affair.
std::uint64_t preemptions_of_process(const std::string& process) {
  std::uint64_t sum = 0;
  std::error_code none;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + process + "/task", none))
    sum += hawser::bench::preemptions_of(std::atoi(task.path().filename().c_str()));
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("usage: vhost-user-blk SOCKET CORE PROCESS numbered|plain");
  VhostUserTransport transport(argv[1], hawser::virtio::VIRTIO_ID_BLOCK);
  if (transport.problem() != nullptr) fail(transport.problem());
  hawser::bench::BlockReads<VhostUserTransport> reads(transport);
  if (const char* why = reads.start(false, argv[4] == std::string("numbered"))) fail(why);
  hawser::bench::pin(std::atoi(argv[2]));
  const std::string process = argv[3];

  return hawser::peers::do_jobs([&](const hawser::peers::Job& job) {
    const auto depth = static_cast<unsigned>(job.bytes);
    if (depth == 0 || depth > decltype(reads)::kMostDepth) fail("not a depth");
    const auto read = [&](unsigned units, Histogram* single) {
      const std::uint64_t start = clock_ns();
      if (const char* why = reads.read(units, depth, single)) fail(why);
      return static_cast<double>(clock_ns() - start) / units;
    };
    double each = read(64, nullptr);
    const auto units = [&each](double ns) { return static_cast<unsigned>(std::max(64.0, ns / each)); };
    each = read(units(1e6), nullptr);
    const auto preempted = [&] { return preemptions_of_process(process); };
    const auto ns = hawser::peers::median_of_slices(
        job.ns, preempted, [&](double slice) { return read(units(slice), nullptr); });
    if (!ns) return hawser::peers::say_disturbed();
    Histogram all, single;
    hawser::peers::clean_slices(
        job.ns / kLatencyShare, preempted,
        [&](double slice) {
          single.clear();
          return read(units(slice), &single);
        },
        [&](double) { all.add(single); });
    hawser::peers::say(*ns, all);
  });
}
