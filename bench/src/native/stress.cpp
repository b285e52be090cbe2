// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The suite `stress`: the round trips of `link` over ivshmem, alone and with others in the way. To be taken off a core is
// part of it here.
#include "ivshmem_ends.hpp"
#include "link_device.hpp"
#include "link_driver.hpp"
#include "neighbor.hpp"

#include <fmt/format.h>

#include <exception>
#include <memory>
#include <vector>

namespace hawser::bench {
namespace {

constexpr std::size_t kMemoryBytes = 256u << 20;  ///< Of each of two processes.

class StressRig {
 public:
  explicit StressRig(Cores cores)
      : cores_(cores),
        ends_(
            cores, [](IvshmemEnds::Link& link, LinkControl& control) { serve_requests(link, control); }, 3),
        driver_(ends_.link(), ends_.control(), {.cores = cores, .crowded = true}) {
    driver_.wait_up();
  }

  /// Those who will be in the way.
  using Neighbors = std::vector<std::unique_ptr<Neighbor>>;
  Neighbors busy_neighbors() const {
    return on_each_core([](int core) { return [core] { return busy(core); }; });
  }
  Neighbors memory_neighbors() const {
    return on_each_core([](int core) { return [core] { return writes_memory(core, kMemoryBytes); }; });
  }
  Neighbors flood() const {
    Neighbors one;
    one.push_back(std::make_unique<Neighbor>([path = ends_.socket()] { return rings_doorbells(path); }));
    return one;
  }
  void settled() { ends_.settled(); }

  Run run(const Neighbors& neighbors, const LinkRun& run, unsigned units, Histogram* single) {
    for (const auto& neighbor : neighbors) neighbor->go();
    Run result = driver_.run(run, units, single, {});
    for (const auto& neighbor : neighbors)
      if (!neighbor->rest()) result.broken = "a process that should be in the way has ended";
    return result;
  }

 private:
  template <class Make>
  Neighbors on_each_core(Make make) const {
    Neighbors both;
    for (const int core : {cores_.measuring, cores_.answering})
      both.push_back(std::make_unique<Neighbor>(make(core)));
    return both;
  }

  Cores cores_;
  IvshmemEnds ends_;
  LinkDriver<IvshmemEnds::Link> driver_;
};

struct Condition {
  const char* name;
  const char* what;
  StressRig::Neighbors neighbors;
};

Point point(StressRig& rig, const Condition& condition, Waiting waiting, const char* way,
            const char* in_words) {
  Point point;
  point.figure = {.name = fmt::format("{}.{}.rtt", condition.name, way),
                  .what = fmt::format("round trip of 64 B, {}; {}", in_words, condition.what),
                  .unit = "ns",
                  .samples = {}};
  point.figure.params = {{"link", "ivshmem"}, {"waiting", in_words}, {"stress", condition.name}};
  if (!condition.neighbors.empty()) point.figure.against = fmt::format("idle.{}.rtt", way);
  point.latency = true;
  // Long enough to be interrupted, however fast or slow a few of them happened to be.
  point.multiple = waiting == Waiting::kNever ? 512 : 16384;
  point.run = [&rig, &condition, run = LinkRun{.waiting = waiting}](unsigned units, Histogram* single) {
    return rig.run(condition.neighbors, run, units, single);
  };
  return point;
}

}  // namespace

void run_stress(const SuiteOptions& options, Sink& sink) {
  std::unique_ptr<StressRig> rig;
  std::vector<Condition> conditions;
  sink.step("setting up", 0);
  try {
    rig = std::make_unique<StressRig>(options.cores);
    conditions.push_back({"idle", "nobody in the way", {}});
    conditions.push_back({"busy", "a busy process on each core", rig->busy_neighbors()});
    conditions.push_back(
        {"memory", "a process on each core writes 256 MiB over and over", rig->memory_neighbors()});
    conditions.push_back(
        {"flood", "a third member of the link rings all doorbells as fast as it can", rig->flood()});
    rig->settled();
  } catch (const std::exception& error) {
    sink.skip({"stress", error.what()});
    return;
  }
  std::vector<Point> points;
  for (const Condition& condition : conditions) {
    points.push_back(point(*rig, condition, Waiting::kPollOnly, "poll", "polling"));
    points.push_back(point(*rig, condition, Waiting::kAdaptive, "spin", "spinning, then sleeping"));
    points.push_back(point(*rig, condition, Waiting::kNever, "sleep", "sleeping"));
  }
  sink.note({"", "To be taken off a core is part of this suite: nothing is left out."});
  measure(std::move(points), options, {"stress", options.quick ? 8e6 : 60e6, options.quick ? 9u : 31u}, sink);
}

}  // namespace hawser::bench
