// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/argo.hpp>
#include <hawser/bench/argo_loop.hpp>

#include <hawser/argo/broker/domain_port.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace hawser::bench {
namespace {

using argo::broker::DomainPort;
using argo::broker::House;
using Loop = ArgoLoop<DomainPort>;

double each(std::uint64_t total, const ArgoFigure& figure) {
  return figure.count == 0 ? 0 : static_cast<double>(total) / static_cast<double>(figure.count);
}

}  // namespace

int run_argo_bench(const ArgoOptions& options) {
  House house({}, House::Time::kReal);
  DomainPort port(house, 1, Loop::kMemory);
  std::vector<std::uint64_t> driver_bitmap(virtio::Arena::bitmap_words(Loop::kMemory)),
      device_bitmap(driver_bitmap);
  const auto loop = std::make_unique<Loop>(port, std::uint16_t{1}, driver_bitmap, device_bitmap);
  nlohmann::json results = nlohmann::json::array();
  std::map<std::uint32_t, double> bare;  // by payload
  if (!options.json) {
    fmt::print("{:<10} {:>8} {:>6} {:>11} {:>8} {:>11} {:>12}\n", "what", "bytes", "depth", "ns each",
               "x sendv", "hypercalls", "copied/byte");
  }
  const bool good = loop->run(
      [&](const ArgoFigure& figure) {
        const double ns = each(figure.ns, figure);
        if (figure.name == "sendv") bare[figure.bytes] = ns;
        const double ratio = bare.count(figure.bytes) != 0 ? ns / bare[figure.bytes] : 0;
        const double copied = figure.bytes == 0 ? 0 : each(figure.copied, figure) / figure.bytes;
        const double calls = figure.name == "hypercall" ? 1 : each(figure.hypercalls, figure);
        if (options.json) {
          results.push_back({{"name", std::string(figure.name)},
                             {"bytes", figure.bytes},
                             {"depth", figure.depth},
                             {"ns", ns},
                             {"ratio_to_sendv", ratio},
                             {"hypercalls", calls},
                             {"copied_per_byte", copied}});
          return;
        }
        fmt::print("{:<10} {:>8} {:>6} {:>11.0f} {:>8.2f} {:>11.3f} {:>12.3f}\n", figure.name, figure.bytes,
                   figure.depth, ns, ratio, calls, copied);
        std::fflush(stdout);
      },
      milliseconds(options.milliseconds));
  if (options.json) fmt::print("{}\n", nlohmann::json{{"results", results}}.dump(2));
  if (good) return 0;
  fmt::print(stderr, "hawser bench argo: {}\n", loop->why());
  return 1;
}

}  // namespace hawser::bench
