// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "plan.hpp"
#include "pair.hpp"

#include <hawser/bench/stop.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace hawser::bench {
namespace {

constexpr double kPatience = 2.5;      ///< Times as long as planned,
constexpr double kAtLeastNs = 30e9;    ///< and not less: short plans say little about a busy machine.
constexpr unsigned kLatencyEvery = 3;  ///< Of the rounds, one in so many times single units.

struct State {
  Point point;
  unsigned units = 1;
  std::vector<double> samples;
  std::map<std::string, std::vector<double>> counts;  ///< Each unit's, one a run.
  Histogram latency;
  unsigned disturbed = 0;
  bool broken = false;
};

double value_of(const Figure& figure, double ns) {
  const auto payload = figure.params.find("payload");
  const double bytes = payload == figure.params.end() ? 0 : std::get<double>(payload->second);
  if (figure.unit == "byte/s") return bytes * 1e9 / ns;
  if (figure.unit == "bit/s") return bytes * 8e9 / ns;
  if (figure.unit == "request/s" || figure.unit == "packet/s") return 1e9 / ns;
  return ns;
}

/// Those asked for, and what they are held against.
std::vector<Point> chosen(std::vector<Point> points, const std::string& only) {
  if (only.empty()) return points;
  std::set<std::string> names;
  for (const Point& point : points) {
    bool wanted = point.figure.name.starts_with(only);
    for (const Derived& derived : point.derived) wanted |= derived.figure.name.starts_with(only);
    if (!wanted) continue;
    names.insert(point.figure.name);
    if (!point.figure.against.empty()) names.insert(point.figure.against);
  }
  std::erase_if(points, [&](const Point& point) { return !names.contains(point.figure.name); });
  return points;
}

class Measurer {
 public:
  Measurer(std::vector<Point> points, const SuiteOptions& options, const Measuring& measuring, Sink& sink)
      : options_(options), measuring_(measuring), sink_(sink) {
    for (Point& point : chosen(std::move(points), options.only)) {
      State state;
      state.point = std::move(point);
      states_.push_back(std::move(state));
    }
  }

  void run() {
    if (states_.empty()) return;
    const auto points = static_cast<unsigned>(states_.size());
    const unsigned timed = static_cast<unsigned>(
        std::count_if(states_.begin(), states_.end(), [](const auto& s) { return s.point.latency; }));
    const unsigned runs = points * (measuring_.rounds + 3) + timed * (measuring_.rounds / kLatencyEvery);
    const double seconds = runs * measuring_.slice_ns * 1.15 / 1e9;
    sink_.begin({points * measuring_.rounds, seconds});
    enough_ = static_cast<double>(clock_ns()) + std::max(kAtLeastNs, kPatience * seconds * 1e9);
    for (State& state : states_) {
      if (over()) break;
      sink_.step(state.point.figure.name, 0);
      calibrate(state);
    }
    unsigned done = 0;
    for (unsigned round = 0; round < measuring_.rounds; ++round) {
      for (State& state : states_) {
        if (over()) return tell();
        sink_.step(state.point.figure.name, done++);
        sample(state);
        if (state.point.latency && round % kLatencyEvery == 0 && !over()) time_single(state);
      }
    }
    // Once more as many tries where a core was taken away.
    for (unsigned round = 0; round < measuring_.rounds; ++round)
      for (State& state : states_)
        if (!over() && !state.broken && state.samples.size() < (measuring_.rounds + 1) / 2) {
          sink_.step(state.point.figure.name, done);
          sample(state);
          if (state.point.latency && state.latency.total() == 0 && !over()) time_single(state);
        }
    tell();
  }

 private:
  /// Somebody asked to stop; or the machine is so busy that it makes do with what it has.
  bool over() const { return Stop::asked() != 0 || static_cast<double>(clock_ns()) > enough_; }

  unsigned rounded(double units, const Point& point) const {
    const double multiple = point.multiple;
    return static_cast<unsigned>(
        std::max(multiple, std::floor(std::min<double>(units, point.most) / multiple) * multiple));
  }

  /// From a few units on, until a run is about a slice long. That warms caches and branch predictors too.
  void calibrate(State& state) {
    state.units = rounded(16, state.point);
    for (unsigned tries = 0; tries < 12 && !state.broken && !over(); ++tries) {
      const Run run = state.point.run(state.units, nullptr);
      if (!heed(state, run)) return;
      if (run.ns <= 0 || (run.disturbed && tries < 6)) continue;
      const double each = std::max(run.ns / state.units, 0.1);
      const unsigned fitting = rounded(measuring_.slice_ns / each, state.point);
      const bool enough = run.ns >= measuring_.slice_ns / 2 || fitting <= state.units;
      // Few units say little about many: not more than 16 times as many at once.
      state.units = std::min(fitting, rounded(16.0 * state.units, state.point));
      if (enough) return;
    }
  }

  void sample(State& state) {
    if (state.broken) return;
    const Run run = state.point.run(state.units, nullptr);
    if (!heed(state, run)) return;
    if (run.disturbed || run.ns <= 0) {
      ++state.disturbed;
      return;
    }
    state.samples.push_back(value_of(state.point.figure, run.ns / state.units));
    for (const auto& [name, count] : run.counts) state.counts[name].push_back(count / state.units);
  }

  void time_single(State& state) {
    if (state.broken) return;
    Histogram single;
    const Run run = state.point.run(state.units, &single);
    if (heed(state, run) && !run.disturbed) state.latency.add(single);
  }

  bool heed(State& state, const Run& run) {
    if (run.broken.empty()) return true;
    state.broken = true;
    sink_.skip({state.point.figure.name, run.broken});
    return false;
  }

  void tell() {
    unsigned disturbed = 0, clean = 0;
    for (State& state : states_) {
      disturbed += state.disturbed;
      clean += static_cast<unsigned>(state.samples.size());
      if (state.broken) continue;
      if (state.samples.empty()) {
        if (Stop::asked() == 0)
          sink_.skip({state.point.figure.name,
                      "disturbed in every run: this machine is too busy; stop other work, or choose other "
                      "processors by "
                      "--cores"});
        continue;
      }
      tell(state);
    }
    if (Stop::asked() == 0 && static_cast<double>(clock_ns()) > enough_)
      sink_.note({"", fmt::format("This machine is so busy that the suite ended with what it had: it may "
                                  "take {:.1f} times its time, "
                                  "and {:.0f} s.",
                                  kPatience, kAtLeastNs / 1e9)});
    if (disturbed != 0)
      sink_.note({"", fmt::format("{} of {} runs are left out: a core was taken away meanwhile.", disturbed,
                                  disturbed + clean)});
  }

  void tell(State& state) {
    Figure figure = state.point.figure;
    figure.samples = state.samples;
    figure.command = command_of(options_, measuring_.suite, figure.name);
    for (const auto& [name, values] : state.counts) {
      double sum = 0;
      for (const double value : values) sum += value;
      figure.per_request[name] = sum / static_cast<double>(values.size());
    }
    if (state.latency.total() != 0) figure.latency = latency_of(state.latency);
    const std::string command = figure.command;
    sink_.figure(std::move(figure));
    for (const Derived& derived : state.point.derived) {
      Figure one = derived.figure;
      one.samples = state.counts[derived.count];
      one.command = command;
      if (!one.samples.empty()) sink_.figure(std::move(one));
    }
  }

  const SuiteOptions& options_;
  const Measuring measuring_;
  Sink& sink_;
  std::vector<State> states_;
  double enough_ = 0;
};

}  // namespace

std::string command_of(const SuiteOptions& options, const std::string& suite, const std::string& name) {
  std::string words = fmt::format("hawser bench {}", suite);
  if (options.quick) words += " --quick";
  if (options.rounds != 0) words += fmt::format(" --rounds {}", options.rounds);
  if (options.queue_size != 256) words += fmt::format(" --size {}", options.queue_size);
  if (!options.features.empty()) words += " --features " + options.features;
  const Cores cores = options.cores;
  if (cores.measuring != cores.answering)  // or there is one, which no word names
    words += fmt::format(" --cores {},{}", cores.measuring, cores.answering);
  return words + " --only " + name;
}

void measure(std::vector<Point> points, const SuiteOptions& options, Measuring measuring, Sink& sink) {
  if (options.rounds != 0) measuring.rounds = options.rounds;
  Measurer(std::move(points), options, measuring, sink).run();
}

}  // namespace hawser::bench
