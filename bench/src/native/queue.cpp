// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The suite `queue`.
#include "instructions.hpp"
#include "limits.hpp"
#include "rings.hpp"

#include <hawser/bench/stop.hpp>

#include <hawser/virtio/queue/layout.hpp>

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace hawser::bench {

using namespace hawser::virtio;

Features ring_features(const std::string& words) {
  Features features;
  features.set(VIRTIO_F_EVENT_IDX, words.find("event") != std::string::npos);
  features.set(VIRTIO_F_IN_ORDER, words.find("order") != std::string::npos);
  return features;
}

namespace {

class QueuePoints {
 public:
  explicit QueuePoints(const SuiteOptions& options) : options_(options) {}

  Point& add(const std::string& format, const std::string& name, std::string what, RingRun run) {
    run.features = ring_features(options_.features);
    run.features.set(VIRTIO_F_RING_PACKED, format == "packed");
    if (run.waiting != Waiting::kPollOnly) run.features.set(VIRTIO_F_EVENT_IDX);  // as every driver asks for
    run.size = static_cast<std::uint16_t>(options_.queue_size);
    Point point;
    point.figure = {.name = format + "." + name, .what = std::move(what), .unit = "ns", .samples = {}};
    point.figure.params = {{"format", format},
                           {"batch", double(run.batch)},
                           {"depth", double(run.outstanding)},
                           {"waiting", in_words(run.waiting)}};
    point.multiple = run.batch;
    point.run = [cores = options_.cores, run](unsigned units, Histogram* single) {
      return ring_requests(cores, run, units, single);
    };
    points.push_back(std::move(point));
    return points.back();
  }

  std::vector<Point> points;

 private:
  const SuiteOptions& options_;
};

Aim at_most_ratio(double ratio) {
  return {.ratio = ratio, .value = {}, .sense = Aim::Sense::kAtMost};
}
Aim at_most(double value) {
  return {.ratio = {}, .value = value, .sense = Aim::Sense::kAtMost};
}

void add_format(QueuePoints& points, const std::string& format, std::uint16_t size) {
  const bool packed = format == "packed";
  Point& trip = points.add(format, "rtt", "round trip, one request outstanding", {});
  trip.figure.against = "pingpong.one_line";
  trip.figure.aim = at_most_ratio(packed ? 1.5 : 3);
  trip.latency = true;
  for (const std::uint16_t depth : {4, 16, 64})
    points.add(format, fmt::format("depth{}", depth),
               fmt::format("a request, {} outstanding, each published alone", depth), {.outstanding = depth});
  for (const std::uint16_t batch : {1, 16, 64}) {
    Point& many = points.add(format, fmt::format("batch{}", batch),
                             batch == 1 ? "a request, as many outstanding as fit, each published alone"
                                        : fmt::format("a request, {} published together", batch),
                             {.batch = batch, .outstanding = size});
    many.figure.against = "pingpong.one_line";
    if (batch == 64) many.figure.aim = at_most(packed ? 28 : 130);
  }
  for (const auto& [name, run] :
       {std::pair{"rtt", RingRun{.timed = true}},
        std::pair{"batch64", RingRun{.batch = 64, .outstanding = size, .timed = true}}}) {
    Point& timed = points.add(format, fmt::format("timed.{}", name),
                              fmt::format("{}.{} with stage timing on", format, name), run);
    timed.figure.against = fmt::format("{}.{}", format, name);
    timed.figure.aim = at_most_ratio(1.03);
  }
  for (const Waiting waiting : {Waiting::kAdaptive, Waiting::kNever}) {
    const std::string way = waiting == Waiting::kNever ? "sleep" : "spin";
    Point& slow =
        points.add(format, way + ".rtt", fmt::format("round trip, one outstanding, {}", in_words(waiting)),
                   {.waiting = waiting});
    slow.latency = true;
    slow.figure.against = "eventfd.other_core";
    if (waiting == Waiting::kNever) slow.figure.aim = at_most_ratio(1.1);
    Point& full =
        points.add(format, way + ".depth64",
                   fmt::format("a request, 64 outstanding, 16 published together, {}", in_words(waiting)),
                   {.batch = 16, .outstanding = 64, .waiting = waiting});
    Derived bells{{.name = full.figure.name + ".doorbells",
                   .what = "doorbells a request, both sides, 64 outstanding",
                   .unit = "count",
                   .samples = {},
                   .params = {{"format", format}, {"waiting", in_words(waiting)}}},
                  "doorbells"};
    if (waiting == Waiting::kAdaptive) bells.figure.aim = at_most(0.05);
    full.derived.push_back(std::move(bells));
  }
}

}  // namespace

void run_queue(const SuiteOptions& options, Sink& sink) {
  QueuePoints points(options);
  points.points.push_back(pingpong_point(options.cores));
  points.points.push_back(pingpong_two_line_point(options.cores));
  points.points.push_back(copy_point(options.cores, 4096, true));
  points.points.push_back(eventfd_point(options.cores));
  for (const char* format : {"split", "packed"})
    add_format(points, format, static_cast<std::uint16_t>(options.queue_size));
  measure(std::move(points.points), options,
          {"queue", options.quick ? kSliceNs / 2 : kSliceNs, options.quick ? 51u : 401u}, sink);
  if (Stop::asked() == 0) count_instructions(options, sink);
}

}  // namespace hawser::bench
