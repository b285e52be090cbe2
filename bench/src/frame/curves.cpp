// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/curves.hpp>
#include <hawser/bench/statistics.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace hawser::bench {
namespace {

constexpr std::array<const char*, 3> kAxes = {"payload", "depth", "batch"};

using Params = std::map<std::string, Parameter>;
struct Line {
  Params params;
  std::map<double, double> points;
  bool limit = false;
};

/// What tells the lines of a chart apart, and only that.
std::string name_of(const Line& line, const std::vector<Line>& all) {
  std::string name;
  for (const auto& [key, value] : line.params) {
    const bool same = std::all_of(all.begin(), all.end(), [&, k = key, v = value](const Line& other) {
      const auto at = other.params.find(k);
      return at != other.params.end() && at->second == v;
    });
    if (!same || all.size() == 1) name += (name.empty() ? "" : ", ") + in_words(key, value);
  }
  return name.empty() ? "all" : name;
}

const char* quantity(const std::string& unit) {
  if (unit == "ns" || unit == "s") return "time each";
  if (unit == "count") return "number a request";
  if (unit == "byte") return "bytes";
  return "throughput";
}

Axis axis_of(const std::string& key) {
  if (key == "payload") {
    std::vector<double> ticks;
    for (int power = 0; power <= 30; power += 2) ticks.push_back(std::exp2(power));
    return {"payload", true, bytes_in_words, ticks};
  }
  std::vector<double> ticks;
  for (int power = 0; power <= 16; ++power) ticks.push_back(std::exp2(power));
  return {key == "depth" ? "requests in flight" : "requests published together", true,
          [](double n) { return fmt::format("{:g}", n); }, ticks};
}

}  // namespace

std::vector<Chart> curves(const SuiteResult& suite) {
  std::vector<Chart> charts;
  for (const std::string axis : kAxes) {
    std::map<std::string, std::map<Params, Line>> by_unit;
    for (const Figure& figure : suite.figures) {
      const auto at = figure.params.find(axis);
      if (at == figure.params.end() || !std::holds_alternative<double>(at->second)) continue;
      Params rest = figure.params;
      rest.erase(axis);
      Line& line = by_unit[figure.unit][rest];
      line.params = rest;
      line.points[std::get<double>(at->second)] = median(figure.samples);
    }
    for (auto& [unit, all] : by_unit) {
      std::vector<Line> lines;
      for (auto& [rest, line] : all)
        if (line.points.size() >= 3) lines.push_back(std::move(line));
      for (std::size_t from = 0; from < lines.size(); from += kMostSeries) {
        Chart chart{fmt::format("{}: {} against {}", suite.name, quantity(unit), axis),
                    axis_of(axis),
                    {quantity(unit), true, [u = unit](double value) { return with_unit(value, u); }, {}},
                    {}};
        for (std::size_t n = from; n < std::min(lines.size(), from + kMostSeries); ++n)
          chart.series.push_back(
              {name_of(lines[n], lines), {lines[n].points.begin(), lines[n].points.end()}});
        charts.push_back(std::move(chart));
      }
    }
  }
  return charts;
}

std::vector<Chart> latencies(const SuiteResult& suite) {
  // Nines: 1 is 90 %, 3 is 99.9 %.
  const auto nines = [](double share) { return -std::log10(1 - share); };
  std::vector<Series> lines;
  for (const Figure& figure : suite.figures) {
    if (!figure.latency || figure.latency->histogram.empty()) continue;
    const double unit = figure.latency->unit == "s" ? 1e9 : 1;
    double total = 0, seen = 0;
    for (const auto& bucket : figure.latency->histogram) total += static_cast<double>(bucket.count);
    Series line{figure.name, {}};
    for (const auto& bucket : figure.latency->histogram) {
      // A bucket reaches up to the share that it completes; the last one would be infinitely many nines.
      const double share = std::min((seen + static_cast<double>(bucket.count)) / total, 1 - 0.5 / total);
      seen += static_cast<double>(bucket.count);
      if (share >= 0.05) line.points.emplace_back(nines(share), bucket.upper * unit);
    }
    lines.push_back(std::move(line));
  }
  std::vector<Chart> charts;
  for (std::size_t from = 0; from < lines.size(); from += kMostSeries) {
    Chart chart{
        fmt::format("{}: how long requests took", suite.name),
        {"share of requests that took no longer",
         false,
         [](double n) { return n < 0.4 ? "50 %" : fmt::format("{:.7g} %", 100 - std::pow(10, 2 - n)); },
         {nines(0.5), 1, 2, 3, 4, 5, 6}},
        {"time of one request", true, [](double ns) { return with_unit(ns, "ns"); }, {}},
        {}};
    for (std::size_t n = from; n < std::min(lines.size(), from + kMostSeries); ++n)
      chart.series.push_back(lines[n]);
    charts.push_back(std::move(chart));
  }
  return charts;
}

}  // namespace hawser::bench
