// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/compare.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace hawser::bench {
namespace {

const Figure* find(const Results& results, const std::string& suite, const std::string& name) {
  for (const SuiteResult& one : results.suites) {
    if (one.name != suite) continue;
    for (const Figure& figure : one.figures)
      if (figure.name == name) return &figure;
  }
  return nullptr;
}

const SuiteResult* suite_of(const Results& results, const std::string& name) {
  const auto at = std::find_if(results.suites.begin(), results.suites.end(),
                               [&](const auto& s) { return s.name == name; });
  return at == results.suites.end() ? nullptr : &*at;
}

/// What both runs must have alike, in words.
struct Choice {
  const char* what;
  std::string before, after;
};

std::string cores_of(const Machine& machine) {
  return fmt::format("{},{}", machine.cores.measuring, machine.cores.answering);
}

std::vector<Choice> choices_of(const Results& before, const Results& after) {
  const auto optimized = [](const Machine& machine) { return machine.optimized ? "yes" : "no"; };
  std::vector<Choice> all{
      {"--cores", cores_of(before.machine), cores_of(after.machine)},
      {"optimized", optimized(before.machine), optimized(after.machine)},
  };
  if (before.settings && after.settings) {
    all.push_back({"--size", std::to_string(before.settings->size), std::to_string(after.settings->size)});
    all.push_back({"--features", before.settings->features, after.settings->features});
  }
  return all;
}

/// Throws where the two are not of one machine, or not measured alike.
void expect_alike(const Results& before, const Results& after) {
  if (before.machine.id != after.machine.id)
    throw std::runtime_error(
        fmt::format("figures of different machines do not compare: the first are of {} ({}), the second of "
                    "{} ({}); measure both on one",
                    before.machine.name, before.machine.id, after.machine.name, after.machine.id));
  for (const Choice& choice : choices_of(before, after))
    if (choice.before != choice.after)
      throw std::runtime_error(
          fmt::format("figures that were measured differently do not compare: {} was '{}' for the first and "
                      "'{}' for the second; measure both alike",
                      choice.what, choice.before, choice.after));
}

/// Fewer say nothing of how far apart another run's would be.
constexpr std::size_t kFewest = 8;

bool enough(const Figure& figure) {
  return figure.exact || figure.samples.size() >= kFewest;
}

Verdict verdict_of(const Interval& change, Better better, double tolerance) {
  const double up = 1 + tolerance, down = 1 / (1 + tolerance);
  if (change.low > up) return better == Better::kLower ? Verdict::kWorse : Verdict::kBetter;
  if (change.high < down) return better == Better::kLower ? Verdict::kBetter : Verdict::kWorse;
  if (change.low >= down && change.high <= up) return Verdict::kSame;
  return Verdict::kUnclear;
}

const char* verdict_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSame:
      return "same";
    case Verdict::kBetter:
      return "better";
    case Verdict::kWorse:
      return "WORSE";
    case Verdict::kUnclear:
      return "not clear";
    case Verdict::kLimit:
      return "(limit)";
  }
  return "";
}

std::string percent(double ratio) {
  if (!std::isfinite(ratio)) return "∞";
  return fmt::format("{:+.1f} %", (ratio - 1) * 100);
}

}  // namespace

unsigned Comparisons::regressions() const {
  return static_cast<unsigned>(std::count_if(figures.begin(), figures.end(),
                                             [](const auto& one) { return one.verdict == Verdict::kWorse; }));
}

Comparisons compare(const Results& before, const Results& after, double tolerance) {
  expect_alike(before, after);
  Comparisons all;
  for (const SuiteResult& suite : after.suites) {
    const SuiteResult* old_suite = suite_of(before, suite.name);
    for (const Figure& figure : suite.figures) {
      const std::string name = suite.name + "/" + figure.name;
      const Figure* old = find(before, suite.name, figure.name);
      if (old == nullptr || old->unit != figure.unit) {
        all.only_after.push_back(name);
        continue;
      }
      const Figure* new_against = against_of(after, suite, figure);
      const Figure* old_against = against_of(before, *old_suite, *old);
      const bool by_ratio =
          new_against != nullptr && old_against != nullptr && old->against == figure.against;
      Comparison one{name, figure.unit, median(old->samples), median(figure.samples), by_ratio, {}, {}};
      one.change = by_ratio ? ratio_interval({old->samples, old_against->samples},
                                             {figure.samples, new_against->samples})
                            : ratio_interval({old->samples, {}}, {figure.samples, {}});
      // Of another rival, neither the ratio nor the figure alone says whether Hawser changed.
      const bool clear = old->against == figure.against && enough(*old) && enough(figure) &&
                         (!by_ratio || (enough(*old_against) && enough(*new_against)));
      one.verdict = figure.limit ? Verdict::kLimit
                    : clear      ? verdict_of(one.change, figure.better, tolerance)
                                 : Verdict::kUnclear;
      all.figures.push_back(std::move(one));
    }
  }
  for (const SuiteResult& suite : before.suites)
    for (const Figure& figure : suite.figures)
      if (find(after, suite.name, figure.name) == nullptr)
        all.only_before.push_back(suite.name + "/" + figure.name);
  return all;
}

std::string table(const Comparisons& comparisons, double tolerance) {
  std::size_t widest = 0;
  for (const Comparison& one : comparisons.figures) widest = std::max(widest, one.name.size());
  std::string all = fmt::format("{:<{}}  {:>12}  {:>12}  {:>9}  {:<21}  {}\n", "", widest, "before", "after",
                                "change", "99 % interval", "verdict");
  for (const Comparison& one : comparisons.figures)
    all += fmt::format("{:<{}}  {:>12}  {:>12}  {:>9}  {:<21}  {}{}\n", one.name, widest,
                       with_unit(one.before, one.unit), with_unit(one.after, one.unit),
                       percent(one.change.middle), percent(one.change.low) + " … " + percent(one.change.high),
                       verdict_word(one.verdict), one.by_ratio ? ", by ratio" : "");
  const auto list = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) all += fmt::format("{}: {}\n", what, fmt::join(names, ", "));
  };
  list("Only before", comparisons.only_before);
  list("Only after", comparisons.only_after);
  const auto count = [&](Verdict verdict) {
    return std::count_if(comparisons.figures.begin(), comparisons.figures.end(),
                         [&](const auto& one) { return one.verdict == verdict; });
  };
  all += fmt::format("{} worse, {} better, {} the same, {} not clear; {:g} % either way is the same.\n",
                     count(Verdict::kWorse), count(Verdict::kBetter), count(Verdict::kSame),
                     count(Verdict::kUnclear), tolerance * 100);
  return all;
}

}  // namespace hawser::bench
