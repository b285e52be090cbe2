// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/map.hpp>
#include <hawser/bench/statistics.hpp>
#include <hawser/bench/table.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace hawser::bench {
namespace {

constexpr std::size_t kColumns = 7;
using Row = std::array<std::string, kColumns>;

/// Characters, not bytes: units have a µ.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t to, bool right) {
  const std::string space(to - std::min(to, width(text)), ' ');
  return right ? space + text : text + space;
}

Row row_of(const Results& results, const SuiteResult& suite, const Figure& figure) {
  const auto [least, most] = std::minmax_element(figure.samples.begin(), figure.samples.end());
  Row row{figure.name, with_unit(median(figure.samples), figure.unit),
          figure.samples.size() == 1
              ? ""
              : with_unit(*least, figure.unit) + " – " + with_unit(*most, figure.unit)};
  if (figure.latency) row[3] = with_unit(figure.latency->p999, figure.latency->unit);
  if (const auto ratio = ratio_of(results, suite, figure))
    row[4] = fmt::format("{} × {}", short_number(*ratio), figure.against);
  if (figure.aim)
    row[5] = fmt::format("{}: {}", verdict_in_words(results, suite, figure), aim_in_words(figure));
  row[6] = figure.what;
  return row;
}

std::string table(const Results& results, const SuiteResult& suite) {
  std::vector<Row> rows{{"", "median", "least – most", "p99.9", "ratio", "aim", ""}};
  for (const Figure& figure : suite.figures) rows.push_back(row_of(results, suite, figure));
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows)
    for (std::size_t n = 0; n < kColumns; ++n) widths[n] = std::max(widths[n], width(row[n]));
  for (std::size_t n = 1; n + 1 < kColumns; ++n)  // a column that nobody uses is not there
    if (std::all_of(rows.begin() + 1, rows.end(), [n](const Row& row) { return row[n].empty(); }))
      widths[n] = 0;
  std::string all;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t n = 0; n < kColumns; ++n) {
      if (widths[n] == 0) continue;
      line += padded(row[n], widths[n], n == 1 || n == 3) + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    all += line + "\n";
  }
  return all;
}

}  // namespace

std::string tables(const Results& results) {
  std::string all;
  for (const SuiteResult& suite : results.suites) {
    all += fmt::format("{}{} ({}{})\n", all.empty() ? "" : "\n", suite.name, span_in_words(suite.seconds),
                       suite.status == SuiteStatus::kInterrupted ? ", interrupted"
                       : suite.status == SuiteStatus::kFailed    ? ", failed"
                                                                 : "");
    if (!suite.figures.empty()) all += table(results, suite);
    for (const Note& note : suite.notes)
      all += fmt::format("  {}{}{}\n", note.name, note.name.empty() ? "" : ": ", note.text);
  }
  for (const SuiteResult& suite : results.suites) {
    const auto drawn = maps(suite);
    if (!drawn.empty()) all += "\nWhich is best, and how many times worse the others are\n";
    for (const Map& map : drawn) all += in_text(map);
  }
  all += "\n";
  for (const std::string& line : summary(results)) all += line + "\n";
  return all;
}

}  // namespace hawser::bench
