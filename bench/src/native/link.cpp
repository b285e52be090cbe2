// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The suite `link`.
#include "limits.hpp"
#include "link_rigs.hpp"

#include <hawser/bench/stop.hpp>

#include <fmt/format.h>

#include <map>
#include <memory>

namespace hawser::bench {
namespace {

constexpr std::uint16_t kDeep = 64, kTogether = 16;

const char* short_word(Waiting waiting) {
  return waiting == Waiting::kPollOnly ? "poll" : waiting == Waiting::kNever ? "sleep" : "spin";
}

Aim aim(double ratio, Aim::Sense sense) {
  return {.ratio = ratio, .value = {}, .sense = sense};
}

/// The points of one link.
class LinkPoints {
 public:
  LinkPoints(std::string name, LinkRig& rig, std::vector<Point>& all)
      : name_(std::move(name)), rig_(rig), all_(all) {}

  Point& add(const std::string& name, std::string what, LinkRun run) {
    Point point;
    point.figure = {.name = fmt::format("{}.{}.{}.{}", name_, run.packed ? "packed" : "split",
                                        short_word(run.waiting), name),
                    .what = std::move(what),
                    .unit = "ns",
                    .samples = {}};
    point.figure.params = {{"link", name_},
                           {"format", run.packed ? "packed" : "split"},
                           {"waiting", in_words(run.waiting)},
                           {"payload", double(run.payload)},
                           {"depth", double(run.outstanding)},
                           {"batch", double(run.batch)}};
    point.multiple = run.batch;
    point.run = [rig = &rig_, run](unsigned units, Histogram* single) {
      return rig->run(run, units, single);
    };
    all_.push_back(std::move(point));
    return all_.back();
  }

  void trip(bool packed, Waiting waiting, const std::string& against) {
    Point& point = add("rtt", fmt::format("round trip of 64 B, {}", in_words(waiting)),
                       {.packed = packed, .waiting = waiting});
    point.latency = true;
    point.figure.against = against;
    if (waiting == Waiting::kNever && name_ == "ivshmem") point.figure.aim = aim(1.1, Aim::Sense::kAtMost);
  }

  void echo(bool packed, Waiting waiting, std::size_t bytes) {
    Point& point = add(fmt::format("echo.{}", bytes),
                       fmt::format("{} B there and the same back, {}", bytes, in_words(waiting)),
                       {.packed = packed, .waiting = waiting, .payload = bytes, .echo = true});
    point.figure.params["operation"] =
        "echo";  // or it would be a point of the curve of those that go one way
    point.latency = true;
    point.figure.against = waiting == Waiting::kPollOnly ? "pingpong.one_line" : "eventfd.other_core";
  }

  void saturated(bool packed, Waiting waiting) {
    Point& point = add(
        fmt::format("depth{}", kDeep),
        fmt::format("requests of 64 B, {} outstanding, {} together, {}", kDeep, kTogether, in_words(waiting)),
        {.packed = packed, .waiting = waiting, .batch = kTogether, .outstanding = kDeep});
    point.figure.unit = "request/s";
    point.figure.better = Better::kHigher;
    point.latency = true;
    // What tells the other side costs a hypercall over Argo.
    const std::string calls = name_ == "broker" ? "hypercalls" : "doorbells";
    Derived bells{{.name = point.figure.name + "." + calls,
                   .what = fmt::format("{} a request, both sides, {} outstanding", calls, kDeep),
                   .unit = "count",
                   .samples = {},
                   .params = {{"link", name_},
                              {"format", packed ? "packed" : "split"},
                              {"waiting", in_words(waiting)}}},
                  calls};
    if (name_ == "ivshmem" && waiting != Waiting::kNever)
      bells.figure.aim = Aim{.ratio = {}, .value = 0.05, .sense = Aim::Sense::kAtMost};
    point.derived.push_back(std::move(bells));
  }

  void depth(std::uint16_t depth) {
    Point& point = add(fmt::format("64.depth{}", depth),
                       fmt::format("requests of 64 B, {} outstanding", depth), {.outstanding = depth});
    point.figure.unit = "request/s";
    point.figure.better = Better::kHigher;
  }

  void payload(std::size_t bytes, Waiting waiting, std::uint16_t outstanding) {
    Point& point =
        add(std::to_string(bytes), fmt::format("payloads of {} B, {} outstanding", bytes, outstanding),
            {.waiting = waiting, .payload = bytes, .outstanding = outstanding});
    point.figure.unit = "byte/s";
    point.figure.better = Better::kHigher;
    point.figure.against = "handover." + std::to_string(bytes);
    if (name_ == "ivshmem" && bytes == 65536) point.figure.aim = aim(0.9, Aim::Sense::kAtLeast);
  }

 private:
  const std::string name_;
  LinkRig& rig_;
  std::vector<Point>& all_;
};

constexpr std::uint16_t kPayloads = 4;  ///< In flight, where payloads are measured.

void add_ivshmem(LinkPoints points) {
  for (const bool packed : {true, false}) {
    points.trip(packed, Waiting::kPollOnly, "pingpong.one_line");
    points.trip(packed, Waiting::kAdaptive, "eventfd.other_core");
    points.trip(packed, Waiting::kNever, "eventfd.other_core");
    for (const Waiting waiting : {Waiting::kPollOnly, Waiting::kAdaptive, Waiting::kNever})
      points.saturated(packed, waiting);
  }
  for (const Waiting waiting : {Waiting::kPollOnly, Waiting::kNever})
    for (const std::size_t bytes : {64u, 4096u}) points.echo(true, waiting, bytes);
  Point& empty = points.add("0", "round trip of a request without payload, polling", {.payload = 0});
  empty.figure.against = "pingpong.one_line";
  for (const std::uint16_t depth : {1, 4, 16, 64, 256}) points.depth(depth);
  for (const std::size_t bytes : {64u, 1500u, 4096u, 16384u, 65536u, 262144u, 1048576u})
    points.payload(bytes, Waiting::kPollOnly, kPayloads);
}

void add_loopback(LinkPoints points) {
  for (const Waiting waiting : {Waiting::kPollOnly, Waiting::kAdaptive, Waiting::kNever})
    points.trip(true, waiting, waiting == Waiting::kPollOnly ? "pingpong.one_line" : "futex.other_core");
  points.saturated(true, Waiting::kPollOnly);
  for (const std::size_t bytes : {4096u, 65536u, 1048576u})
    points.payload(bytes, Waiting::kPollOnly, kPayloads);
}

void add_broker(LinkPoints points) {
  points.trip(true, Waiting::kAdaptive, "eventfd.other_core");
  points.trip(true, Waiting::kNever, "eventfd.other_core");
  points.saturated(true, Waiting::kAdaptive);
  for (const std::size_t bytes : {64u, 4096u, 65536u, 1048576u})
    points.payload(bytes, Waiting::kAdaptive, kPayloads);
}

}  // namespace

void run_link(const SuiteOptions& options, Sink& sink) {
  std::vector<std::unique_ptr<LinkRig>> rigs;
  std::vector<Point> points{pingpong_point(options.cores), eventfd_point(options.cores),
                            futex_point(options.cores)};
  for (const std::size_t bytes : {64u, 1500u, 4096u, 16384u, 65536u, 262144u, 1048576u})
    points.push_back(hand_over_point(options.cores, bytes, kPayloads));
  struct Kind {
    const char* name;
    std::unique_ptr<LinkRig> (*make)(const RigOptions&);
    void (*add)(LinkPoints);
    unsigned slots;  ///< A request takes two; the courier has fewer.
  };
  // The one with a thread comes last: the others fork.
  for (const Kind& kind :
       {Kind{"ivshmem", ivshmem_rig, add_ivshmem, 2}, Kind{"broker", broker_rig, add_broker, 1},
        Kind{"loopback", loopback_rig, add_loopback, 2}}) {
    if (Stop::asked() != 0) return;
    sink.step(std::string("setting up ") + kind.name, 0);
    try {
      rigs.push_back(kind.make({options.cores, static_cast<std::uint16_t>(kind.slots * options.queue_size),
                                kind.make == broker_rig}));
      kind.add(LinkPoints(kind.name, *rigs.back(), points));
    } catch (const std::exception& error) {
      sink.skip({kind.name, error.what()});
    }
  }
  sink.note({"broker",
             "A third process, on whatever processor it gets: where there are two, a polled broker would "
             "wait for its own "
             "clients."});
  measure(std::move(points), options,
          {"link", options.quick ? kSliceNs / 2 : kSliceNs, options.quick ? 25u : 301u}, sink);
}

}  // namespace hawser::bench
