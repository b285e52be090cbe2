// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What people read: numbers in words, verdicts, the forecast; and files that are whole or not there.
#include <hawser/bench/html.hpp>
#include <hawser/bench/progress.hpp>
#include <hawser/bench/results.hpp>
#include <hawser/bench/table.hpp>
#include <hawser/bench/words.hpp>

#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace hawser::bench;

namespace {

Results results() {
  Results all;
  all.machine.id = "one";
  all.machine.name = "a <machine>";
  Figure limit{.name = "limit", .what = "", .unit = "ns", .samples = {100}, .limit = true};
  Figure good{.name = "good", .what = "a & b", .unit = "ns", .samples = {120}, .against = "limit"};
  good.aim = Aim{.ratio = 1.5, .value = {}, .sense = Aim::Sense::kAtMost};
  Figure bad = good;
  bad.name = "bad";
  bad.samples = {200};
  Figure alone = good;
  alone.name = "alone";
  alone.against = "gone";
  Figure slow{.name = "slow", .what = "", .unit = "request/s", .better = Better::kHigher, .samples = {5}};
  slow.aim = Aim{.ratio = {}, .value = 10, .sense = Aim::Sense::kAtLeast};
  all.suites.push_back({.name = "x",
                        .status = SuiteStatus::kMeasured,
                        .figures = {limit, good, bad, alone, slow},
                        .skips = {{"y", "no y; apt install y"}},
                        .notes = {}});
  return all;
}

}  // namespace

TEST_CASE("numbers have three digits and a unit that fits") {
  CHECK(with_unit(119.4, "ns") == "119 ns");
  CHECK(with_unit(1740, "ns") == "1.74 µs");
  CHECK(with_unit(999.6, "ns") == "1.00 µs");
  CHECK(with_unit(2.5, "s") == "2.50 s");
  CHECK(with_unit(9.8e9, "byte/s") == "9.80 GB/s");
  CHECK(with_unit(0.05, "count") == "0.05");
  CHECK(bytes_in_words(64) == "64 B");
  CHECK(bytes_in_words(65536) == "64 KiB");
  CHECK(bytes_in_words(1500) == "1500 B");
  CHECK(span_in_words(125) == "2 min 05 s");
  CHECK(shell_word("a b'c") == "'a b'\\''c'");
  CHECK(shell_word("--size") == "--size");
}

TEST_CASE("an aim is met, missed, or not known, and the summary says so") {
  const Results all = results();
  const SuiteResult& x = all.suites[0];
  CHECK(aim_met(all, x, x.figures[1]) == true);
  CHECK(aim_met(all, x, x.figures[2]) == false);
  CHECK_FALSE(aim_met(all, x, x.figures[3]).has_value());
  CHECK(aim_met(all, x, x.figures[4]) == false);
  const auto lines = summary(all);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "1 of 3 aims met.");
  CHECK(lines[1] == "Missed: x/bad is 2.00 × limit; the aim is at most 1.50 × limit.");
  CHECK(lines[3] == "What limits these, and what was tried: docs/performance.md.");
  CHECK(lines[4] == "Not measured: x/y: no y; apt install y");
  CHECK(tables(all).find("missed: at most 1.50 × limit") != std::string::npos);
}

TEST_CASE("a figure may be held against one of another suite") {
  Results all = results();
  all.suites.push_back({.name = "z",
                        .status = SuiteStatus::kMeasured,
                        .figures = {all.suites[0].figures[1]},
                        .skips = {},
                        .notes = {}});
  all.suites[1].figures[0].against = "x/limit";
  CHECK(ratio_of(all, all.suites[1], all.suites[1].figures[0]) == doctest::Approx(1.2));
}

TEST_CASE("a report has its results inside, and nothing that others wrote is taken for markup") {
  const std::string page = html(results());
  CHECK(page.find("a <machine>") == std::string::npos);
  CHECK(page.find("a &lt;machine&gt;") != std::string::npos);
  CHECK(page.find("http") == std::string::npos);  // nothing from elsewhere
  char name[] = "/tmp/hawser-bench-test-XXXXXX";
  REQUIRE(mkdtemp(name) != nullptr);
  const std::string path = std::string(name) + "/report.html";
  write_atomically(path, page);
  CHECK(to_json(load_results(path)) == to_json(results()));
  std::filesystem::remove_all(name);
}

TEST_CASE("a file that cannot be written leaves the old one, and nothing else") {
  char name[] = "/tmp/hawser-bench-test-XXXXXX";
  REQUIRE(mkdtemp(name) != nullptr);
  const std::string folder = name, path = folder + "/r.json";
  write_atomically(path, "old");
  std::filesystem::create_directory(folder + "/taken");
  CHECK_THROWS_AS(write_atomically(folder + "/taken", "new"), std::runtime_error);
  CHECK_THROWS_AS(write_atomically(folder + "/none/r.json", "new"), std::runtime_error);
  std::string text;
  std::ifstream(path) >> text;
  CHECK(text == "old");
  CHECK(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()) ==
        2);
  std::filesystem::remove_all(folder);
}

TEST_CASE("the forecast trusts the plan first, the pace later, and never goes back") {
  Forecast forecast({{"a", 100}, {"b", 50}});
  forecast.begin_part(0, 0);
  CHECK(forecast.left(0) == doctest::Approx(150));
  forecast.plan({10, 60});
  CHECK(forecast.left(0) == doctest::Approx(110));
  forecast.step(5);  // half of it took 60 s, so the other half takes as long
  CHECK(forecast.left(60) == doctest::Approx(50 + 30));
  const double share = forecast.share(60);
  forecast.plan({100, 1000});
  CHECK(forecast.share(60) >= share);
  forecast.begin_part(1, 120);
  CHECK(forecast.left(120) == doctest::Approx(50));
}
