// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The suite `argo`.
#include <hawser/bench/argo_loop.hpp>
#include <hawser/bench/stop.hpp>
#include <hawser/bench/suites.hpp>

#include <hawser/argo/broker/domain_port.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "pair.hpp"

namespace hawser::bench {
namespace {

using argo::broker::DomainPort;
using argo::broker::House;
using Loop = ArgoLoop<DomainPort>;

Figure figure_of(const ArgoFigure& one) {
  const auto count = static_cast<double>(one.count);
  Figure figure{.name = std::string(one.name),
                .what = {},
                .unit = "ns",
                .samples = {static_cast<double>(one.ns) / count}};
  const double bytes = one.bytes;
  figure.per_request["hypercalls"] =
      one.name == "hypercall" ? 1 : static_cast<double>(one.hypercalls) / count;
  if (one.name == "hypercall") {
    figure.what = "the cheapest hypercall, of the broker's engine";
    figure.limit = true;
    return figure;
  }
  figure.params = {{"payload", bytes}, {"depth", double(one.depth)}, {"link", std::string(one.name)}};
  if (one.name == "sendv") {
    figure.name = fmt::format("sendv.{}", one.bytes);
    figure.what = "bare sendv, and an answer of 40 bytes";
    figure.limit = true;
    return figure;
  }
  figure.name = fmt::format("{}.{}.depth{}", one.name, one.bytes, one.depth);
  figure.what = one.name == "to-device" ? "a request whose bytes the device reads"
                                        : "a request whose bytes the device writes";
  figure.against = fmt::format("sendv.{}", one.bytes);
  figure.per_request["copies_per_byte"] = static_cast<double>(one.copied) / count / bytes;
  if (one.depth == 1 && one.bytes <= 65536)
    figure.aim = Aim{.ratio = 1.25, .value = {}, .sense = Aim::Sense::kAtMost};
  return figure;
}

}  // namespace

void run_argo(const SuiteOptions& options, Sink& sink) {
  const unsigned rounds = options.rounds != 0 ? options.rounds : options.quick ? 3u : 9u;
  const Duration each = milliseconds(options.quick ? 8 : 40);
  constexpr unsigned kFigures = Loop::figures();
  sink.begin({rounds * kFigures, 1.3 * rounds * kFigures * static_cast<double>(each.ns) / 1e9});
  std::vector<Figure> figures;
  unsigned done = 0;
  std::string failed;
  for (unsigned round = 0; round < rounds && failed.empty() && Stop::asked() == 0; ++round) {
    House house({}, House::Time::kReal);
    DomainPort port(house, 1, Loop::kMemory);
    std::vector<std::uint64_t> driver_bitmap(virtio::Arena::bitmap_words(Loop::kMemory)),
        device_bitmap(driver_bitmap);
    const auto loop = std::make_unique<Loop>(port, std::uint16_t{1}, driver_bitmap, device_bitmap);
    const bool good = loop->run(
        [&](const ArgoFigure& one) {
          Figure figure = figure_of(one);
          figure.command = command_of(options, "argo", figure.name);
          sink.step(figure.name, done++);
          const auto at = std::find_if(figures.begin(), figures.end(),
                                       [&](const auto& f) { return f.name == figure.name; });
          if (at == figures.end())
            figures.push_back(std::move(figure));
          else
            at->samples.push_back(figure.samples.front());
        },
        each);
    if (!good) failed = loop->why();
  }
  for (Figure& figure : figures)
    if (figure.name.starts_with(options.only) || figure.name.starts_with("sendv"))
      sink.figure(std::move(figure));
  if (!failed.empty()) throw std::runtime_error(failed);
}

}  // namespace hawser::bench
