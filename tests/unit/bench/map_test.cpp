// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Which link is best where, in words, letters and a page.
#include <hawser/bench/map.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hawser::bench;

namespace {

Figure figure(const char* link, double payload, double depth, double value, Better better = Better::kLower) {
  Figure one{.name = "", .what = "", .unit = better == Better::kLower ? "ns" : "byte/s", .better = better};
  one.samples = {value};
  one.params = {{"operation", std::string("read")},
                {"link", std::string(link)},
                {"payload", payload},
                {"depth", depth}};
  return one;
}

SuiteResult suite(std::vector<Figure> figures) {
  return {
      .name = "x", .status = SuiteStatus::kMeasured, .figures = std::move(figures), .skips = {}, .notes = {}};
}

std::vector<Figure> crossing(Better better = Better::kLower) {
  return {figure("argo", 64, 1, 100, better),   figure("<shm>", 64, 1, 200, better),
          figure("argo", 64, 8, 100, better),   figure("<shm>", 64, 8, 50, better),
          figure("argo", 4096, 1, 300, better), figure("<shm>", 4096, 1, 100, better)};
}

}  // namespace

TEST_CASE("a map says which link is best where, and how much worse the others are") {
  const auto all = maps(suite(crossing()));
  REQUIRE(all.size() == 1);
  CHECK(all[0].title == "read");
  CHECK(all[0].links == std::vector<std::string>{"argo", "<shm>"});
  const auto& first = all[0].payloads.at(64).at(1);
  CHECK(first[0].link == 0);
  CHECK(first[1].ratio == doctest::Approx(2));
  const std::string text = in_text(all[0]);
  CHECK(text ==
        "read: A argo, B <shm>\n"
        "            depth 1                     depth 8\n"
        "      64 B  A  B 2.00                   B  A 2.00\n"
        "     4 KiB  B  A 3.00\n");
  const std::string page = in_html(all[0]);
  CHECK(page.find("<b>B</b> <small>A 3.00</small>") != std::string::npos);
  CHECK(page.find("&lt;shm&gt;") != std::string::npos);
  CHECK(page.find("<shm>") == std::string::npos);
}

TEST_CASE("where more is better, the larger value is the best") {
  const auto all = maps(suite(crossing(Better::kHigher)));
  REQUIRE(all.size() == 1);
  CHECK(all[0].payloads.at(64).at(1)[0].link == 1);
  CHECK(all[0].payloads.at(64).at(1)[1].ratio == doctest::Approx(2));
}

TEST_CASE("one link, one payload or one depth is no map") {
  CHECK(maps(suite({})).empty());
  CHECK(maps(suite({figure("argo", 64, 1, 1), figure("argo", 128, 2, 1)})).empty());
  CHECK(maps(suite({figure("argo", 64, 1, 1), figure("shm", 64, 2, 1)})).empty());
  CHECK(maps(suite({figure("argo", 64, 1, 1), figure("shm", 128, 1, 1)})).empty());
}
