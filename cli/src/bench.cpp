// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "numbers.hpp"
#include "verbs.hpp"

#include <hawser/bench/count.hpp>
#include <hawser/bench/run.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace hawser::cli {
namespace {

/// As the user wrote it, but for the program's folder.
std::string own_command() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string all = "hawser", word;
  std::getline(file, word, '\0');
  while (std::getline(file, word, '\0')) all += " " + bench::shell_word(word);
  return all;
}

CLI::Validator ring_features() {
  return CLI::Validator(
      [](const std::string& text) {
        const bool good =
            text == "event" || text == "order" || text == "event,order" || text == "order,event";
        return good ? std::string()
                    : fmt::format("'{}' is not a list of features: write event, order, or event,order", text);
      },
      "event|order|event,order");
}

}  // namespace

void add_bench(CLI::App& app, Status& status) {
  auto* verb =
      app.add_subcommand("bench", "measure this machine's limits and how close Hawser comes to them");
  auto options = std::make_shared<bench::BenchOptions>();
  auto count = std::make_shared<std::string>();
  verb->add_option("SUITE", options->suites,
                   "what to measure: suites (--list), or all; nothing: those that need nothing else");
  verb->add_flag("--quick", options->suite.quick, "a tenth of the time, and wider spreads");
  verb->add_flag("--json", options->json, "the results as JSON on standard output instead of tables");
  verb->add_option("--report", options->reports,
                   "a file for the results, .html or .json; again for another (report.html without --json)");
  verb->add_option("--only", options->suite.only,
                   "figures whose names begin so, and what they are held against");
  verb->add_flag("--list", options->list, "say which suites there are, and measure nothing");
  verb->add_option("--rounds", options->suite.rounds, "every figure is the median of that many short runs")
      ->transform(whole(3, 100'000));
  verb->add_option("--size", options->suite.queue_size, "descriptors of each queue; a power of two")
      ->transform(whole(64, 1024))
      ->check(CLI::IsMember({64, 128, 256, 512, 1024}))
      ->capture_default_str();
  verb->add_option("--features", options->suite.features, "ring features to turn on in the suite queue")
      ->check(ring_features());
  verb->add_option("--cores", options->cores, "the two processors to measure on, as in 0,1");
  verb->add_option("--count-ring", *count, "for callgrind")->group("");

  auto* against = verb->add_subcommand(
      "compare", "two results of one machine (.json, or reports): status 1 when something became worse");
  auto comparing = std::make_shared<bench::CompareOptions>();
  auto tolerance = std::make_shared<unsigned>(5);
  against->add_option("OLD", comparing->before, "from before")->required();
  against->add_option("NEW", comparing->after, "from after")->required();
  against->add_option("--tolerance", *tolerance, "percent that are the same")
      ->transform(whole(0, 1000))
      ->capture_default_str();
  against->add_flag("--json", comparing->json, "the verdicts as JSON on standard output instead of a table");
  against->callback([comparing, tolerance, &status] {
    comparing->tolerance = *tolerance / 100.0;
    status = bench::run_compare(*comparing);
  });

  verb->callback([options, count, against, &status] {
    if (against->parsed()) return;
    if (!count->empty()) {
      status = bench::count_ring(*count) ? 0 : 1;
      return;
    }
    options->command = own_command();
    options->version = HAWSER_VERSION;
    options->suite.hawser = std::filesystem::path(bench::own_program()).replace_filename("hawser").string();
    status = bench::run_bench(*options);
  });
}

}  // namespace hawser::cli
