// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "numbers.hpp"
#include "verbs.hpp"

#include <hawser/bench/argo.hpp>
#include <hawser/bench/queue.hpp>

#include <fmt/format.h>

#include <memory>
#include <string>

namespace hawser::cli {

void add_bench(CLI::App& app, Status& status) {
  auto* verb =
      app.add_subcommand("bench", "measure this machine's limits and how close Hawser comes to them");
  verb->require_subcommand(1);

  auto options = std::make_shared<bench::QueueOptions>();
  auto* queue =
      verb->add_subcommand("queue", "cache lines between two cores, memcpy, and the rings beside them");
  queue->add_flag("--json", options->json, "the results as JSON on standard output instead of the table");
  queue->add_option("--rounds", options->rounds, "every figure is the median of that many short runs")
      ->transform(whole(3, 100'000))
      ->capture_default_str();
  queue->add_option("--size", options->size, "descriptors of each queue; a power of two")
      ->transform(whole(64, 1024))
      ->check(CLI::IsMember({64, 128, 256, 512, 1024}))
      ->capture_default_str();
  queue->add_option("--features", options->features, "ring features to turn on")
      ->check(CLI::Validator(
          [](const std::string& text) {
            const bool good =
                text == "event" || text == "order" || text == "event,order" || text == "order,event";
            return good ? std::string()
                        : fmt::format("'{}' is not a list of features: write event, order, or event,order",
                                      text);
          },
          "event|order|event,order"));
  queue->callback([options, &status] { status = bench::run_queue_bench(*options); });

  auto argo_options = std::make_shared<bench::ArgoOptions>();
  auto* argo = verb->add_subcommand(
      "argo", "what a courier costs on top of Argo, over the broker's engine in this process");
  argo->add_flag("--json", argo_options->json, "the results as JSON on standard output instead of the table");
  argo->add_option("--milliseconds", argo_options->milliseconds, "how long to measure each figure")
      ->transform(whole(1, 10'000))
      ->capture_default_str();
  argo->callback([argo_options, &status] { status = bench::run_argo_bench(*argo_options); });
}

}  // namespace hawser::cli
