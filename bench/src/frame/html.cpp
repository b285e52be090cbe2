// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/curves.hpp>
#include <hawser/bench/html.hpp>
#include <hawser/bench/map.hpp>
#include <hawser/bench/statistics.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace hawser::bench {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --good: #1a7f37; --bad: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b; --bad: #fb923c; } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 2px solid var(--line); }
table { border-collapse: collapse; font-size: 0.9em; margin: 0.8rem 0; }
th, td { text-align: left; padding: 0.22rem 0.7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font-size: 0.92em; } .met { color: var(--good); } .missed { color: var(--bad); font-weight: 600; }
.what { color: #888; } .scroll { overflow-x: auto; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; flex: 1 1 30rem; max-width: 46rem; }
figcaption { font-weight: 600; margin: 0.6rem 0 0.2rem; }
svg { width: 100%; background: var(--soft); } svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
svg .label { font-size: 12px; } svg .grid { stroke: var(--line); stroke-width: 1; }
.legend span { display: inline-block; margin-right: 1rem; font-size: 0.85em; } .legend i { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.3em; }
table.map td { white-space: nowrap; border: 1px solid var(--line); } table.map small { margin-left: 0.5em; }
summary { cursor: pointer; }
)";

std::string cell(const std::string& text, bool number = false) {
  return fmt::format("<td{}>{}</td>", number ? " class=\"n\"" : "", escaped(text));
}

std::string head(std::initializer_list<std::pair<const char*, bool>> columns) {
  std::string all = "<tr>";
  for (const auto& [name, number] : columns)
    all += fmt::format("<th{}>{}</th>", number ? " class=\"n\"" : "", name);
  return all + "</tr>\n";
}

std::string verdict_cell(const Results& results, const SuiteResult& suite, const Figure& figure) {
  if (!figure.aim) return "<td></td>";
  const auto met = aim_met(results, suite, figure);
  return fmt::format("<td class=\"{}\">{}: {}</td>",
                     !met   ? ""
                     : *met ? "met"
                            : "missed",
                     escaped(verdict_in_words(results, suite, figure)), escaped(aim_in_words(figure)));
}

std::string figures_table(const Results& results, const SuiteResult& suite) {
  std::string all = "<div class=\"scroll\"><table>\n" + head({{"figure", false},
                                                              {"median", true},
                                                              {"least – most", true},
                                                              {"runs", true},
                                                              {"ratio", false},
                                                              {"aim", false},
                                                              {"what", false}});
  for (const Figure& figure : suite.figures) {
    const auto [least, most] = std::minmax_element(figure.samples.begin(), figure.samples.end());
    const auto ratio = ratio_of(results, suite, figure);
    all += "<tr><td><code>" + escaped(figure.name) + "</code></td>" +
           cell(with_unit(median(figure.samples), figure.unit), true) +
           cell(with_unit(*least, figure.unit) + " – " + with_unit(*most, figure.unit), true) +
           cell(fmt::format("{}", figure.samples.size()), true) +
           cell(ratio ? short_number(*ratio) + " × " + figure.against : "") +
           verdict_cell(results, suite, figure) + "<td class=\"what\">" + escaped(figure.what) +
           "</td></tr>\n";
  }
  return all + "</table></div>\n";
}

std::string latency_table(const SuiteResult& suite) {
  std::string rows;
  for (const Figure& figure : suite.figures) {
    if (!figure.latency) continue;
    const Latency& l = *figure.latency;
    rows += "<tr><td><code>" + escaped(figure.name) + "</code></td>";
    for (const double value : {l.p50, l.p99, l.p999, l.max}) rows += cell(with_unit(value, l.unit), true);
    rows += "</tr>\n";
  }
  if (rows.empty()) return "";
  return "<h3>Single requests</h3>\n<table>\n" +
         head({{"figure", false}, {"p50", true}, {"p99", true}, {"p99.9", true}, {"max", true}}) + rows +
         "</table>\n";
}

std::string costs_table(const SuiteResult& suite) {
  std::set<std::string> keys;
  for (const Figure& figure : suite.figures)
    for (const auto& [key, value] : figure.per_request) keys.insert(key);
  if (keys.empty()) return "";
  std::string all = "<h3>What a request costs</h3>\n<table>\n<tr><th>figure</th>";
  for (std::string key : keys) {
    std::replace(key.begin(), key.end(), '_', ' ');
    all += "<th class=\"n\">" + escaped(key) + "</th>";
  }
  all += "</tr>\n";
  for (const Figure& figure : suite.figures) {
    if (figure.per_request.empty()) continue;
    all += "<tr><td><code>" + escaped(figure.name) + "</code></td>";
    for (const std::string& key : keys) {
      const auto at = figure.per_request.find(key);
      all += cell(at == figure.per_request.end() ? "" : short_number(at->second), true);
    }
    all += "</tr>\n";
  }
  return all + "</table>\n";
}

std::string commands(const SuiteResult& suite) {
  std::string rows;
  for (const Figure& figure : suite.figures)
    if (!figure.command.empty())
      rows += "<tr><td><code>" + escaped(figure.name) + "</code></td><td><code>" + escaped(figure.command) +
              "</code></td></tr>\n";
  if (rows.empty()) return "";
  return "<details><summary>The command of each figure</summary>\n<table>\n" + rows + "</table></details>\n";
}

std::string charts(const std::vector<Chart>& all) {
  std::string drawn;
  for (const Chart& chart : all) drawn += svg(chart);
  return drawn.empty() ? "" : "<div class=\"charts\">\n" + drawn + "</div>\n";
}

std::string machine_table(const Results& results) {
  const Machine& m = results.machine;
  std::string all = "<table>\n";
  const auto row = [&](const char* name, const std::string& value) {
    if (!value.empty()) all += fmt::format("<tr><th>{}</th>{}</tr>\n", name, cell(value));
  };
  row("Command", results.command);
  row("When", fmt::format("{}, {}", results.started, span_in_words(results.seconds)));
  row("Machine", m.name);
  row("Processors used", fmt::format("{} and {}", m.cores.measuring, m.cores.answering));
  row("Governor", m.governor);
  row("Memory", fmt::format("{:.1f} GiB", static_cast<double>(m.memory_bytes) / (1u << 30)));
  row("Kernel", m.kernel);
  row("Hawser", fmt::format("{}, {}{}", m.hawser, m.compiler, m.optimized ? "" : ", not optimized"));
  row("Busy before the run", fmt::format("{:.0f} %", m.busy * 100));
  return all + "</table>\n";
}

}  // namespace

std::string html(const Results& results) {
  std::string all =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>Hawser: benchmark "
      "report</title>\n<style>";
  all += kStyle;
  all += "</style></head><body>\n<h1>Hawser: benchmark report</h1>\n";
  if (results.quick) all += "<p>A quick run: a tenth of the time, so wider spreads.</p>\n";
  if (results.interrupted) all += "<p class=\"missed\">Interrupted: what was measured until then.</p>\n";
  all += machine_table(results);
  all +=
      "<p>Every figure is the median of several runs, taken in turns with those beside it, so that whatever "
      "changes "
      "hits all alike. Compare ratios, and only within one run.</p>\n";
  if (const auto lines = summary(results); !lines.empty()) {
    all += "<h2>In short</h2>\n<ul>\n";
    for (const std::string& line : lines) all += "<li>" + escaped(line) + "</li>\n";
    all += "</ul>\n";
  }
  for (const SuiteResult& suite : results.suites) {
    all += fmt::format("<h2 id=\"{0}\">{0}</h2>\n", escaped(suite.name));
    if (!suite.figures.empty()) all += figures_table(results, suite);
    for (const Note& note : suite.notes)
      all += "<p>" + (note.name.empty() ? "" : "<code>" + escaped(note.name) + "</code>: ") +
             escaped(note.text) + "</p>\n";
    std::string drawn;
    for (const Map& map : maps(suite)) drawn += in_html(map);
    if (!drawn.empty()) all += "<div class=\"charts\">\n" + drawn + "</div>\n";
    all += charts(curves(suite)) + latency_table(suite) + charts(latencies(suite)) + costs_table(suite) +
           commands(suite);
  }
  // Neither HTML nor XML takes this for markup.
  std::string json = to_json(results).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string inside;
  for (const char c : json) {
    if (c == '<')
      inside += "\\u003c";
    else if (c == '>')
      inside += "\\u003e";
    else if (c == '&')
      inside += "\\u0026";
    else
      inside += c;
  }
  return all + "<script type=\"application/json\" id=\"results\">" + inside + "</script>\n</body></html>\n";
}

}  // namespace hawser::bench
