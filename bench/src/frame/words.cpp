// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/statistics.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <map>

namespace hawser::bench {
namespace {

std::string scaled(double value, std::string_view unit) {
  constexpr std::array<std::string_view, 5> kPrefixes = {"", "k", "M", "G", "T"};
  std::size_t n = 0;
  for (; std::fabs(value) >= 999.5 && n + 1 < kPrefixes.size(); ++n) value /= 1000;
  return fmt::format("{} {}{}", short_number(value), kPrefixes[n], unit);
}

std::string time_in_words(double ns) {
  const double size = std::fabs(ns);
  if (size < 999.5) return short_number(ns) + " ns";
  if (size < 999.5e3) return short_number(ns / 1e3) + " µs";
  if (size < 999.5e6) return short_number(ns / 1e6) + " ms";
  return short_number(ns / 1e9) + " s";
}

}  // namespace

std::string short_number(double value) {
  const double size = std::fabs(value);
  if (size == 0) return "0";
  if (size >= 99.95) return fmt::format("{:.0f}", value);
  if (size >= 9.995) return fmt::format("{:.1f}", value);
  if (size >= 0.995) return fmt::format("{:.2f}", value);
  return fmt::format("{:.3g}", value);
}

std::string with_unit(double value, std::string_view unit) {
  if (unit == "ns") return time_in_words(value);
  if (unit == "s") return time_in_words(value * 1e9);
  if (unit == "byte") return bytes_in_words(value);
  if (unit == "count") return short_number(value);
  if (unit == "byte/s") return scaled(value, "B/s");
  if (unit == "bit/s") return scaled(value, "bit/s");
  if (unit == "request/s") return scaled(value, "req/s");
  if (unit == "packet/s") return scaled(value, "pkt/s");
  return scaled(value, unit);
}

std::string bytes_in_words(double bytes) {
  if (bytes >= 1 << 20 && std::fmod(bytes, 1 << 20) == 0) return fmt::format("{:.0f} MiB", bytes / (1 << 20));
  if (bytes >= 1 << 10 && std::fmod(bytes, 1 << 10) == 0) return fmt::format("{:.0f} KiB", bytes / (1 << 10));
  return fmt::format("{:.0f} B", bytes);
}

std::string span_in_words(double seconds) {
  const auto whole = static_cast<long>(std::lround(std::fmax(0, seconds)));
  if (whole < 60) return fmt::format("{} s", whole);
  return fmt::format("{} min {:02} s", whole / 60, whole % 60);
}

std::string aim_in_words(const Figure& figure) {
  if (!figure.aim) return "";
  const char* sense = figure.aim->sense == Aim::Sense::kAtMost ? "at most" : "at least";
  if (figure.aim->ratio)
    return fmt::format("{} {} × {}", sense, short_number(*figure.aim->ratio), figure.against);
  return fmt::format("{} {}", sense, with_unit(*figure.aim->value, figure.unit));
}

std::string verdict_in_words(const Results& results, const SuiteResult& suite, const Figure& figure) {
  if (!figure.aim) return "";
  const auto met = aim_met(results, suite, figure);
  if (!met) return fmt::format("not known: {} was not measured", figure.against);
  return *met ? "met" : "missed";
}

std::vector<std::string> summary(const Results& results) {
  std::vector<std::string> lines;
  unsigned aims = 0, met = 0;
  for (const SuiteResult& suite : results.suites) {
    for (const Figure& figure : suite.figures) {
      const auto reached = aim_met(results, suite, figure);
      if (!reached) continue;
      ++aims;
      if (*reached) {
        ++met;
        continue;
      }
      const auto ratio = ratio_of(results, suite, figure);
      const std::string is = figure.aim->ratio && ratio
                                 ? fmt::format("{} × {}", short_number(*ratio), figure.against)
                                 : with_unit(median(figure.samples), figure.unit);
      lines.push_back(fmt::format("Missed: {}/{} is {}; the aim is {}.", suite.name, figure.name, is,
                                  aim_in_words(figure)));
    }
  }
  if (!lines.empty()) lines.push_back("What limits these, and what was tried: docs/performance.md.");
  if (aims != 0) lines.insert(lines.begin(), fmt::format("{} of {} aims met.", met, aims));
  for (const SuiteResult& suite : results.suites) {
    std::map<std::string, std::string> by_reason;
    for (const Skip& skip : suite.skips) {
      std::string& names = by_reason[skip.why];
      if (!names.empty()) names += ", ";
      names += skip.name.empty() || skip.name == suite.name ? suite.name : suite.name + "/" + skip.name;
    }
    for (const auto& [why, names] : by_reason)
      lines.push_back(fmt::format("Not measured: {}: {}", names, why));
  }
  return lines;
}

std::string shell_word(std::string_view word) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./=:,@%+";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) return std::string(word);
  std::string all = "'";
  for (const char c : word) c == '\'' ? all += "'\\''" : all += c;
  return all + "'";
}

std::string in_words(const std::string& key, const Parameter& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? key : "no " + key;
  const double number = std::get<double>(value);
  return key == "payload" ? bytes_in_words(number) : fmt::format("{} {:g}", key, number);
}

}  // namespace hawser::bench
