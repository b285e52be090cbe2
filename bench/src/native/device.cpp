// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The suite `device`.
#include "device_rigs.hpp"
#include "limits.hpp"

#include <fmt/format.h>

#include <exception>
#include <memory>
#include <utility>

namespace hawser::bench {
namespace {

constexpr std::uint16_t kManyFrames = 192;  ///< Frames under way, where many are.

class DevicePoints {
 public:
  explicit DevicePoints(std::vector<Point>& all) : all_(all) {}

  Point& frames(FrameRig& rig, const std::string& name, std::string what, FrameRun run) {
    Point& point =
        add(fmt::format("net.{}.{}.{}", format(run.packed), run.bytes, name), std::move(what), run.packed);
    point.figure.params["payload"] = double(run.bytes);
    point.figure.unit = "packet/s";
    point.figure.better = Better::kHigher;
    point.multiple = run.burst;
    point.run = [rig = &rig, run](unsigned units, Histogram* single) { return rig->run(run, units, single); };
    return point;
  }

  Point& reads(ReadRig& rig, ReadRun run) {
    Point& point = add(fmt::format("blk.{}.4096.depth{}", format(run.packed), run.depth),
                       fmt::format("reads of 4 KiB here and there, {} at once", run.depth), run.packed);
    point.figure.params["payload"] = 4096.0;
    point.figure.params["depth"] = double(run.depth);
    point.figure.unit = "request/s";
    point.figure.better = Better::kHigher;
    point.latency = true;
    point.run = [rig = &rig, run](unsigned units, Histogram* single) { return rig->run(run, units, single); };
    return point;
  }

 private:
  static const char* format(bool packed) { return packed ? "packed" : "split"; }

  Point& add(std::string name, std::string what, bool packed) {
    Point point;
    point.figure.name = std::move(name);
    point.figure.what = std::move(what);
    point.figure.params = {{"link", "ivshmem"}, {"format", format(packed)}, {"waiting", "polling"}};
    all_.push_back(std::move(point));
    return all_.back();
  }

  std::vector<Point>& all_;
};

void add_frames(DevicePoints points, FrameRig& rig) {
  for (const bool packed : {true, false}) {
    for (const std::size_t bytes : {64u, 1500u})
      points.frames(rig, "there", fmt::format("frames of {} B, driver to device", bytes),
                    {.packed = packed, .bytes = bytes});
    points.frames(rig, "echo", fmt::format("frames of 64 B there and back, {} under way", kManyFrames),
                  {.packed = packed, .back = true, .outstanding = kManyFrames});
    Point& trip = points.frames(rig, "trip", "a single frame of 64 B there and back",
                                {.packed = packed, .back = true, .outstanding = 1, .burst = 1});
    trip.figure.unit = "ns";
    trip.figure.better = Better::kLower;
    trip.figure.against = "pingpong.one_line";
    trip.latency = true;
  }
}

void add_reads(DevicePoints points, ReadRig& rig) {
  for (const bool packed : {true, false})
    for (const unsigned depth : {1u, 32u}) points.reads(rig, {.packed = packed, .depth = depth});
}

}  // namespace

void run_device(const SuiteOptions& options, Sink& sink) {
  std::vector<Point> points{pingpong_point(options.cores)};
  std::unique_ptr<FrameRig> frames;
  std::unique_ptr<ReadRig> reads;
  const auto set_up = [&sink](const char* name, const auto& work) {
    sink.step(std::string("setting up ") + name, 0);
    try {
      work();
    } catch (const std::exception& error) {
      sink.skip({name, error.what()});
    }
  };
  set_up("net", [&] { add_frames(DevicePoints(points), *(frames = frame_rig(options.cores))); });
  set_up("blk", [&] { add_reads(DevicePoints(points), *(reads = read_rig(options.cores))); });
  measure(std::move(points), options,
          {"device", options.quick ? kSliceNs / 2 : kSliceNs, options.quick ? 25u : 301u}, sink);
}

}  // namespace hawser::bench
