// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The queue suite by itself: what `hawser bench queue` runs, without the rest of `hawser`.
#include <hawser/bench/queue.hpp>

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  hawser::bench::QueueOptions options;
  CLI::App app{"Measures the virtqueues against the limits of this machine."};
  app.add_flag("--json", options.json, "print JSON instead of a table");
  app.add_option("--rounds", options.rounds, "runs of which the median is taken")->capture_default_str();
  app.add_option("--features", options.features, "ring features: event, order, separated by commas");
  app.add_option("--size", options.size, "descriptors of each queue")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return hawser::bench::run_queue_bench(options);
}
