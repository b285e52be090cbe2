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
  Figure before{.name = "a", .what = "", .unit = "ns", .samples = {50, 100, 150, 200}};
  Figure after{.name = "a", .what = "", .unit = "ns", .samples = {70, 120, 170, 220}};
  CHECK(verdict(before, after) == Verdict::kUnclear);
}

TEST_CASE("what is held against a limit is judged by the ratio, and the limit is not judged") {
  const auto slower = compare(run({figure("limit", 100), figure("a", 150, "limit")}),
                              run({figure("limit", 200), figure("a", 300, "limit")}));
  CHECK(slower.figures[0].verdict == Verdict::kLimit);  // the whole machine is slower today
  CHECK(slower.figures[1].verdict == Verdict::kSame);
  CHECK(slower.figures[1].by_ratio);
  const auto worse = compare(run({figure("limit", 100), figure("a", 150, "limit")}),
                             run({figure("limit", 100), figure("a", 200, "limit")}));
  CHECK(worse.figures[1].verdict == Verdict::kWorse);
  CHECK(worse.regressions() == 1);
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
