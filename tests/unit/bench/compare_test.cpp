// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What compare makes of two runs.
#include <hawser/bench/compare.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hawser::bench;

namespace {

Figure figure(std::string name, double value, std::string against = "", Better better = Better::kLower) {
  Figure one{.name = std::move(name), .what = "", .unit = "ns", .better = better, .samples = {}};
  for (int n = -10; n <= 10; ++n)
    one.samples.push_back(value * (1 + n * 0.0005));  // half a percent either way
  one.against = std::move(against);
  return one;
}

Figure limit(double value) {
  Figure one = figure("limit", value);
  one.limit = true;
  return one;
}

Figure few(double value, std::size_t samples) {
  Figure one = figure("a", value);
  one.samples.assign(samples, value);
  return one;
}

Results run(std::vector<Figure> figures, std::string machine = "one") {
  Results results;
  results.machine.id = std::move(machine);
  results.machine.name = "a machine";
  results.suites.push_back({.name = "queue",
                            .status = SuiteStatus::kMeasured,
                            .figures = std::move(figures),
                            .skips = {},
                            .notes = {}});
  return results;
}

Verdict verdict(const Figure& before, const Figure& after) {
  return compare(run({before}), run({after})).figures.at(0).verdict;
}

}  // namespace

TEST_CASE("a fifth slower is a regression, a fifth faster is none, one percent is nothing") {
  CHECK(verdict(figure("a", 100), figure("a", 120)) == Verdict::kWorse);
  CHECK(verdict(figure("a", 100), figure("a", 80)) == Verdict::kBetter);
  CHECK(verdict(figure("a", 100), figure("a", 101)) == Verdict::kSame);
  CHECK(compare(run({figure("a", 100)}), run({figure("a", 120)})).regressions() == 1);
}

TEST_CASE("where more is better, less is the regression") {
  CHECK(verdict(figure("a", 100, "", Better::kHigher), figure("a", 80, "", Better::kHigher)) ==
        Verdict::kWorse);
  CHECK(verdict(figure("a", 100, "", Better::kHigher), figure("a", 120, "", Better::kHigher)) ==
        Verdict::kBetter);
}

TEST_CASE("samples that are all over the place prove nothing") {
  Figure before{.name = "a", .what = "", .unit = "ns", .samples = {50, 75, 100, 120, 150, 170, 200, 220}};
  Figure after{.name = "a", .what = "", .unit = "ns", .samples = {70, 95, 120, 140, 170, 190, 220, 240}};
  CHECK(verdict(before, after) == Verdict::kUnclear);
}

TEST_CASE("what is held against a limit is judged by the ratio, and the limit is not judged") {
  const auto slower =
      compare(run({limit(100), figure("a", 150, "limit")}), run({limit(200), figure("a", 300, "limit")}));
  CHECK(slower.figures[0].verdict == Verdict::kLimit);  // the whole machine is slower today
  CHECK(slower.figures[1].verdict == Verdict::kSame);
  CHECK(slower.figures[1].by_ratio);
  const auto worse =
      compare(run({limit(100), figure("a", 150, "limit")}), run({limit(100), figure("a", 200, "limit")}));
  CHECK(worse.figures[1].verdict == Verdict::kWorse);
  CHECK(worse.regressions() == 1);
}

TEST_CASE("what others are held against is judged too, unless it says that it is a limit") {
  const auto all = compare(run({figure("idle", 100), figure("busy", 150, "idle")}),
                           run({figure("idle", 200), figure("busy", 300, "idle")}));
  CHECK(all.figures[0].verdict == Verdict::kWorse);
  CHECK(all.figures[1].verdict == Verdict::kSame);
}

TEST_CASE("held against another than before, nothing is clear") {
  const auto all = compare(run({limit(100), figure("other", 100), figure("a", 150, "limit")}),
                           run({limit(100), figure("other", 100), figure("a", 300, "other")}));
  CHECK(all.figures[2].verdict == Verdict::kUnclear);
}

TEST_CASE("fewer than eight samples prove nothing, of the figure or of what it is held against") {
  CHECK(verdict(few(100, 7), few(200, 8)) == Verdict::kUnclear);
  CHECK(verdict(few(100, 8), few(200, 7)) == Verdict::kUnclear);
  CHECK(verdict(few(100, 8), few(200, 8)) == Verdict::kWorse);
  Figure short_limit = limit(100);
  short_limit.samples.resize(7);
  const auto all =
      compare(run({limit(100), figure("a", 100, "limit")}), run({short_limit, figure("a", 200, "limit")}));
  CHECK(all.figures[1].verdict == Verdict::kUnclear);
}

TEST_CASE("of an exact count one sample says all") {
  Figure before = few(100, 1), after = few(200, 1);
  before.exact = after.exact = true;
  CHECK(verdict(before, after) == Verdict::kWorse);
  CHECK(verdict(before, before) == Verdict::kSame);
}

TEST_CASE("runs that were measured differently are refused in one sentence that says what differs") {
  const auto refusal = [](const auto& change) {
    Results before = run({figure("a", 1)}), after = before;
    before.settings = after.settings = Settings{};
    change(after);
    try {
      (void)compare(before, after);
      return std::string();
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
  };
  CHECK(refusal([](Results&) {}).empty());
  CHECK(refusal([](Results& after) { after.settings.reset(); }).empty());  // an older file does not say
  CHECK(refusal([](Results& after) {
          after.machine.cores = {2, 3};
        }).find("--cores was '0,0'") != std::string::npos);
  CHECK(refusal([](Results& after) { after.machine.optimized = false; }).find("optimized was 'yes'") !=
        std::string::npos);
  CHECK(refusal([](Results& after) { after.settings->size = 64; }).find("--size was '256'") !=
        std::string::npos);
  CHECK(refusal([](Results& after) { after.settings->features = "event"; }).find("--features was ''") !=
        std::string::npos);
}

TEST_CASE("figures of different machines are refused in one sentence that names both") {
  try {
    (void)compare(run({figure("a", 1)}, "one"), run({figure("a", 1)}, "two"));
    FAIL("it compared them");
  } catch (const std::runtime_error& error) {
    const std::string text = error.what();
    CHECK(text.find("different machines") != std::string::npos);
    CHECK(text.find("(one)") != std::string::npos);
    CHECK(text.find("(two)") != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
  }
}

TEST_CASE("figures that only one run has are told") {
  const auto all = compare(run({figure("a", 1), figure("b", 1)}), run({figure("a", 1), figure("c", 1)}));
  CHECK(all.only_before == std::vector<std::string>{"queue/b"});
  CHECK(all.only_after == std::vector<std::string>{"queue/c"});
  CHECK(all.figures.size() == 1);
}
