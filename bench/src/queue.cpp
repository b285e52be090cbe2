// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/queue.hpp>

#include "limits.hpp"
#include "pair.hpp"
#include "rings.hpp"

#include <hawser/virtio/queue/layout.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::bench {

using namespace hawser::virtio;

namespace {

/// However busy the machine is, this is when the bench makes do with what it has.
constexpr std::chrono::seconds kLongEnough{20};

/// One line of the report.
struct Figure {
  std::string name;
  std::string against;  ///< The figure that is its limit; empty for a limit.
  std::string what;
  std::function<Sample()> run;
  std::vector<double> clean;  ///< Nanoseconds of undisturbed runs.
  std::size_t disturbed = 0;  ///< Runs that were not.

  double ns() const {
    std::vector<double> sorted = clean;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  double best() const { return *std::min_element(clean.begin(), clean.end()); }
};

std::vector<Figure> figures(Cores cores, const Features& features, std::uint16_t size) {
  constexpr unsigned kTrips = 3'000;
  constexpr unsigned kRequests = 8'192;
  std::vector<Figure> all;
  const auto add = [&](std::string name, std::string against, std::string what, std::function<Sample()> run) {
    all.push_back({std::move(name), std::move(against), std::move(what), std::move(run), {}, 0});
  };
  const std::string one = "pingpong.one_line";
  add(one, "", "round trip, both write one cache line", [=] { return pingpong_one_line(cores, kTrips); });
  add("pingpong.two_line", one, "round trip, each writes its own",
      [=] { return pingpong_two_line(cores, kTrips); });
  add("memcpy.4k", one, "copy 4 KiB within the cache", [=] { return memcpy_4k(cores, kRequests); });
  for (const bool packed : {false, true}) {
    Features ring = features;
    ring.set(VIRTIO_F_RING_PACKED, packed);
    const std::string format = packed ? "packed" : "split";
    const auto request = [=](std::uint16_t batch, std::uint16_t outstanding, std::uint32_t requests) {
      return [=] { return ring_request(cores, {ring, size, batch, outstanding, requests}); };
    };
    add(format + ".rtt", one, "round trip, one request outstanding", request(1, 1, kTrips));
    add(format + ".batch1", one, "a request, each published alone", request(1, size, kRequests));
    add(format + ".batch64", one, "a request, 64 published together", request(64, size, kRequests));
  }
  return all;
}

bool parse_features(std::string_view text, Features& features) {
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, comma);
    if (name == "event") {
      features.set(VIRTIO_F_EVENT_IDX);
    } else if (name == "order") {
      features.set(VIRTIO_F_IN_ORDER);
    } else {
      fmt::print(stderr, "bench queue: there is no ring feature \"{}\"; there are: event, order\n", name);
      return false;
    }
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return true;
}

const Figure& find(const std::vector<Figure>& all, const std::string& name) {
  return *std::find_if(all.begin(), all.end(), [&](const Figure& figure) { return figure.name == name; });
}

double ratio(const std::vector<Figure>& all, const Figure& figure) {
  return figure.against.empty() ? 1.0 : figure.ns() / find(all, figure.against).ns();
}

void print_table(const std::vector<Figure>& all) {
  fmt::print("{:<18} {:>9} {:>9} {:>12} {:>8}  {}\n", "", "ns", "best", "per second", "ratio", "");
  for (const Figure& figure : all) {
    fmt::print("{:<18} {:>9.1f} {:>9.1f} {:>12.0f} {:>8.2f}  {}\n", figure.name, figure.ns(), figure.best(),
               1e9 / figure.ns(), ratio(all, figure), figure.what);
  }
  std::size_t fewest = SIZE_MAX;
  std::size_t disturbed = 0;
  for (const Figure& figure : all) {
    fewest = std::min(fewest, figure.clean.size());
    disturbed += figure.disturbed;
  }
  fmt::print("Medians of {} or more runs, taken in turns; ratios are to pingpong.one_line.\n", fewest);
  if (disturbed != 0) fmt::print("{} runs in which a core was taken away are left out.\n", disturbed);
}

void print_json(const std::vector<Figure>& all) {
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  for (const Figure& figure : all) {
    nlohmann::ordered_json against;  // null for a limit
    if (!figure.against.empty()) against = figure.against;
    results.push_back(
        {{"name", figure.name}, {"ns", figure.ns()}, {"against", against}, {"ratio", ratio(all, figure)}});
  }
  fmt::print("{}\n", nlohmann::ordered_json{{"results", results}}.dump(2));
}

}  // namespace

int run_queue_bench(const QueueOptions& options) {
  Features features;
  if (!parse_features(options.features, features)) return 1;
  if (options.size < 64 || options.size > kMaxQueueSize / 4 || !std::has_single_bit(options.size)) {
    fmt::print(stderr, "bench queue: the queue size is {}; expected a power of two from 64 to {}\n",
               options.size, kMaxQueueSize / 4);
    return 1;
  }
  const auto cores = two_cores();
  if (!cores) {
    fmt::print(stderr, "bench queue: this process may use one processor only; two are needed\n");
    return 1;
  }
  std::vector<Figure> all = figures(*cores, features, static_cast<std::uint16_t>(options.size));
  const auto start = std::chrono::steady_clock::now();
  const std::size_t wanted = std::max(1U, options.rounds);
  const auto enough = [&](const Figure& figure) { return figure.clean.size() >= wanted; };
  while (!std::all_of(all.begin(), all.end(), enough)) {
    if (std::chrono::steady_clock::now() - start > kLongEnough) break;
    for (Figure& figure : all) {
      const Sample sample = figure.run();
      if (sample.disturbed) {
        ++figure.disturbed;
      } else if (sample.ns == 0) {
        fmt::print(stderr, "bench queue: {} lost or changed a request\n", figure.name);
        return 1;
      } else {
        figure.clean.push_back(sample.ns);
      }
    }
  }
  for (const Figure& figure : all) {
    if (!figure.clean.empty()) continue;
    fmt::print(stderr,
               "bench queue: {} was disturbed in each of {} runs; two cores without other work are needed\n",
               figure.name, figure.disturbed);
    return 1;
  }
  if (options.json) {
    print_json(all);
  } else {
    print_table(all);
  }
  return 0;
}

}  // namespace hawser::bench
