// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How points are measured in turns.
#include "native/plan.hpp"

#include <hawser/bench/stop.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace hawser::bench;

namespace {

struct Heard final : Sink {
  void begin(const Plan&) override {}
  void step(const std::string& name, unsigned) override { order.push_back(name); }
  void figure(Figure figure) override { figures.push_back(std::move(figure)); }
  void skip(Skip skip) override { skips.push_back(std::move(skip)); }
  void note(Note note) override { notes.push_back(std::move(note)); }

  std::vector<std::string> order;
  std::vector<Figure> figures;
  std::vector<Skip> skips;
  std::vector<Note> notes;
};

/// Takes that many nanoseconds a unit, it says.
Point point(std::string name, double ns, std::string against = "") {
  Point one;
  one.figure = {
      .name = std::move(name), .what = "", .unit = "ns", .samples = {}, .against = std::move(against)};
  one.run = [ns](unsigned units, Histogram*) { return Run{.ns = ns * units}; };
  return one;
}

}  // namespace

TEST_CASE("points take turns, and each has a sample a round") {
  Heard heard;
  measure({point("a", 100), point("b", 200)}, {}, {"x", 1e5, 5}, heard);
  REQUIRE(heard.figures.size() == 2);
  CHECK(heard.figures[0].samples == std::vector<double>(5, 100));
  CHECK(heard.figures[1].samples == std::vector<double>(5, 200));
  // After the warm-up: a b a b ...
  const std::vector<std::string> end(heard.order.end() - 4, heard.order.end());
  CHECK(end == std::vector<std::string>{"a", "b", "a", "b"});
  CHECK(heard.figures[0].command == "hawser bench x --only a");
}

TEST_CASE("a figure's command has all that was chosen") {
  SuiteOptions options;
  options.rounds = 5;
  options.queue_size = 64;
  options.features = "event";
  options.cores = {2, 3};
  CHECK(command_of(options, "x", "a") ==
        "hawser bench x --rounds 5 --size 64 --features event --cores 2,3 --only a");
}

TEST_CASE("only what is asked for is measured, and what it is held against") {
  Heard heard;
  SuiteOptions options;
  options.only = "b";
  measure({point("a", 1), point("b", 1, "limit"), point("limit", 1)}, options, {"x", 1e4, 3}, heard);
  REQUIRE(heard.figures.size() == 2);
  CHECK(heard.figures[0].name == "b");
  CHECK(heard.figures[1].name == "limit");
}

TEST_CASE("disturbed runs are left out and made up for; a point with nothing else is skipped loudly") {
  Heard heard;
  Point half = point("half", 100), never = point("never", 100);
  half.run = [n = 0u](unsigned units, Histogram*) mutable {
    return Run{.ns = 100.0 * units, .disturbed = ++n % 2 == 0};
  };
  never.run = [](unsigned units, Histogram*) { return Run{.ns = 100.0 * units, .disturbed = true}; };
  measure({half, never}, {}, {"x", 1e4, 9}, heard);
  REQUIRE(heard.figures.size() == 1);
  CHECK(heard.figures[0].samples.size() >= 4);
  REQUIRE(heard.skips.size() == 1);
  CHECK(heard.skips[0].name == "never");
  CHECK(heard.skips[0].why.find("too busy") != std::string::npos);
  CHECK(heard.notes.size() == 1);
}

TEST_CASE("a run that took no time says nothing about how many units fill a slice") {
  Heard heard;
  Point late = point("late", 100);
  std::vector<unsigned> seen;
  late.run = [&seen](unsigned units, Histogram*) {
    seen.push_back(units);
    return seen.size() <= 10 ? Run{.disturbed = true} : Run{.ns = 100.0 * units};
  };
  measure({late}, {}, {"x", 1e4, 3}, heard);
  CHECK(heard.figures.size() == 1);
  CHECK(*std::max_element(seen.begin(), seen.end()) <= 100);
}

TEST_CASE("a broken point says why once, and the others go on") {
  Heard heard;
  Point broken = point("broken", 1);
  broken.run = [](unsigned, Histogram*) { return Run{.broken = "it is lost"}; };
  measure({broken, point("a", 100)}, {}, {"x", 1e4, 3}, heard);
  CHECK(heard.figures.size() == 1);
  REQUIRE(heard.skips.size() == 1);
  CHECK(heard.skips[0].why == "it is lost");
}

TEST_CASE("counts are a request's, rates follow from the payload, and an aim's own figure follows") {
  Heard heard;
  Point one = point("a", 100);
  one.figure.unit = "byte/s";
  one.figure.params = {{"payload", 50.0}};
  one.multiple = 8;
  std::vector<unsigned> seen;
  one.run = [&seen](unsigned units, Histogram*) {
    seen.push_back(units);
    return Run{.ns = 100.0 * units, .counts = {{"doorbells", units / 4.0}}};
  };
  one.derived.push_back({{.name = "a.doorbells", .what = "", .unit = "count", .samples = {}}, "doorbells"});
  measure({one}, {}, {"x", 1e4, 3}, heard);
  REQUIRE(heard.figures.size() == 2);
  CHECK(heard.figures[0].samples[0] == doctest::Approx(0.5e9));
  CHECK(heard.figures[0].per_request["doorbells"] == 0.25);
  CHECK(heard.figures[1].samples == std::vector<double>(3, 0.25));
  CHECK(std::all_of(seen.begin(), seen.end(), [](unsigned units) { return units % 8 == 0; }));
}

TEST_CASE("an interrupted run tells what it has") {
  Stop stop;
  Heard heard;
  Point last = point("b", 100);
  last.run = [n = 0](unsigned units, Histogram*) mutable {
    if (++n == 6) Stop::ask(SIGINT);
    return Run{.ns = 100.0 * units};
  };
  measure({point("a", 100), last}, {}, {"x", 1e4, 1000}, heard);
  REQUIRE(heard.figures.size() == 2);
  CHECK(heard.figures[0].samples.size() < 10);
  CHECK(heard.skips.empty());
}
