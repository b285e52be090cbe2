// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/compare.hpp>
#include <hawser/bench/html.hpp>
#include <hawser/bench/progress.hpp>
#include <hawser/bench/run.hpp>
#include <hawser/bench/stop.hpp>
#include <hawser/bench/suite_program.hpp>
#include <hawser/bench/table.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

namespace hawser::bench {
namespace {

constexpr double kBusy = 0.15;

void say(const std::string& sentence) {
  fmt::print(stderr, "hawser bench: {}\n", sentence);
}

class Collector final : public Sink {
 public:
  Collector(SuiteResult& result, Progress* progress) : result_(result), progress_(progress) {}

  void begin(const Plan& plan) override {
    if (progress_ != nullptr) progress_->plan(plan);
  }
  void step(const std::string& name, unsigned done) override {
    if (progress_ != nullptr) progress_->step(name, done);
  }
  void figure(Figure figure) override {
    // Of two with one name the later one counts: a suite may say what it has so far, and again.
    const auto same = [&](const Figure& other) { return other.name == figure.name; };
    const auto at = std::find_if(result_.figures.begin(), result_.figures.end(), same);
    if (at != result_.figures.end())
      *at = std::move(figure);
    else
      result_.figures.push_back(std::move(figure));
  }
  void skip(Skip skip) override { result_.skips.push_back(std::move(skip)); }
  void note(Note note) override { result_.notes.push_back(std::move(note)); }

 private:
  SuiteResult& result_;
  Progress* progress_;
};

std::string join_names(const std::vector<Suite>& suites) {
  std::vector<std::string> names;
  for (const Suite& suite : suites) names.push_back(suite.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

bool runnable(const Suite& suite) {
  return suite.run || !suite.program.empty();
}

void list_suites(const std::vector<Suite>& suites) {
  for (const Suite& suite : suites)
    fmt::print("{:<16} {}{}\n", suite.name, suite.what,
               suite.run               ? ""
               : suite.program.empty() ? fmt::format(" (not here: it needs {})", suite.needs)
               : suite.needs.empty()   ? ""
                                       : fmt::format(" (needs {})", suite.needs));
}

/// Empty and a sentence said: wrong words.
std::vector<Suite> chosen_suites(const std::vector<std::string>& names, const std::vector<Suite>& known) {
  std::vector<Suite> chosen;
  if (names.empty()) {
    std::copy_if(known.begin(), known.end(), std::back_inserter(chosen),
                 [](const Suite& s) { return bool(s.run); });
    return chosen;
  }
  bool all = false;
  for (const std::string& name : names) {
    if (name == "all") {
      all = true;
      continue;
    }
    const auto at =
        std::find_if(known.begin(), known.end(), [&](const Suite& suite) { return suite.name == name; });
    if (at == known.end()) {
      say(fmt::format("there is no suite '{}'; there are: {}, and all for every one of them", name,
                      join_names(known)));
      return {};
    }
    const bool twice =
        std::any_of(chosen.begin(), chosen.end(), [&](const Suite& s) { return s.name == name; });
    if (!twice) chosen.push_back(*at);
  }
  return all ? known : chosen;
}

std::optional<Cores> parse_cores(const std::string& text) {
  int a = -1, b = -1;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, a);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ',') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, b);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return these_cores(a, b);
}

bool good_report_names(const std::vector<std::string>& reports) {
  for (const std::string& path : reports) {
    if (!path.ends_with(".html") && !path.ends_with(".json")) {
      say(fmt::format("--report {}: end the name in .html or .json, that decides what is written", path));
      return false;
    }
    // Found out now, not after twenty minutes.
    const auto folder = std::filesystem::path(path).parent_path();
    if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0) {
      say(fmt::format("--report {}: there is no folder {} to write in", path,
                      folder.empty() ? "." : folder.string()));
      return false;
    }
  }
  return true;
}

bool write_reports(const Results& results, const std::vector<std::string>& reports) {
  bool good = true;
  for (const std::string& path : reports) {
    try {
      write_atomically(path,
                       path.ends_with(".html")
                           ? html(results)
                           : to_json(results).dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
      say("wrote " + path);
    } catch (const std::runtime_error& error) {
      say(error.what());
      good = false;
    }
  }
  return good;
}

void warn(const Results& results) {
  if (results.machine.busy > kBusy)
    say(fmt::format(
        "this machine is busy: {:.0f} % of its processors' time went to others just now; stop other work, or "
        "expect wide spreads and gaps",
        results.machine.busy * 100));
  if (!results.machine.optimized)
    say("this build is not optimized: its figures mean nothing; use ./dev bench, or configure with "
        "-Dbuildtype=release");
}

}  // namespace

void run_suite(const Suite& suite, const SuiteOptions& options, SuiteResult& result, Progress* progress) {
  Collector collector(result, progress);
  const auto began = std::chrono::steady_clock::now();
  result.name = suite.name;
  if (suite.run) {
    try {
      suite.run(options, collector);
      result.status = Stop::asked() != 0        ? SuiteStatus::kInterrupted
                      : !result.figures.empty() ? SuiteStatus::kMeasured
                                                : SuiteStatus::kSkipped;
    } catch (const std::exception& error) {
      result.status = SuiteStatus::kFailed;
      collector.note({"", fmt::format("failed: {}", error.what())});
    }
  } else if (suite.program.empty()) {
    result.status = SuiteStatus::kSkipped;
    collector.skip({suite.name, fmt::format("its program hawser-bench-{} is not here; it needs {}",
                                            suite.name, suite.needs)});
  } else {
    std::vector<std::string> argv{suite.program};
    if (options.quick) argv.push_back("--quick");
    if (options.rounds != 0) argv.insert(argv.end(), {"--rounds", std::to_string(options.rounds)});
    if (!options.only.empty()) argv.insert(argv.end(), {"--only", options.only});
    setenv("HAWSER", options.hawser.c_str(), 1);  // which one it should measure, and where
    setenv("HAWSER_CORES", fmt::format("{},{}", options.cores.measuring, options.cores.answering).c_str(), 1);
    const ProgramResult ended = run_program(argv, collector);
    result.status = ended.end == ProgramEnd::kMeasured     ? SuiteStatus::kMeasured
                    : ended.end == ProgramEnd::kCannotHere ? SuiteStatus::kSkipped
                    : ended.end == ProgramEnd::kFailed     ? SuiteStatus::kFailed
                                                           : SuiteStatus::kInterrupted;
    if (ended.end == ProgramEnd::kFailed) collector.note({"", "failed: " + ended.why});
    if (ended.end == ProgramEnd::kInterrupted && !ended.why.empty()) collector.note({"", ended.why});
    if (ended.end == ProgramEnd::kCannotHere && result.skips.empty())
      collector.skip({suite.name, "it cannot run here, and did not say why"});
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

int run_bench(BenchOptions options) {
  const auto known = known_suites(options.suite.hawser);
  if (options.list) {
    list_suites(known);
    return 0;
  }
  const auto suites = chosen_suites(options.suites, known);
  if (suites.empty() || !good_report_names(options.reports)) return 64;
  if (options.reports.empty() && !options.json) {
    if (access(".", W_OK) == 0)
      options.reports = {"report.html"};
    else
      say("no report will be written: this folder is not yours to write in; name one by --report FILE.html");
  }
  const auto cores = options.cores.empty() ? two_cores() : parse_cores(options.cores);
  if (!cores && !options.cores.empty()) {
    say(fmt::format("--cores {}: expected two different processors that this process may use, as in 0,1",
                    options.cores));
    return 64;
  }
  const bool two =
      std::any_of(suites.begin(), suites.end(), [](const Suite& suite) { return suite.two_cores; });
  if (!cores && two) {
    say("this process may use one processor only, and these suites need two: allow it another (taskset, the "
        "container's or "
        "virtual machine's settings), or run `hawser bench argo`");
    return 2;
  }
  options.suite.cores = cores.value_or(Cores{});

  Stop stop;
  Results results;
  results.machine = this_machine(options.suite.cores, options.version);
  results.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  results.command = options.command;
  results.quick = options.suite.quick;
  results.settings = {options.suite.queue_size, options.suite.features};
  warn(results);
  const auto began = std::chrono::steady_clock::now();
  {
    std::vector<Forecast::Part> parts;
    for (const Suite& suite : suites)
      parts.push_back({suite.name, runnable(suite) ? suite.seconds * (options.suite.quick ? 0.1 : 1) : 0});
    Progress progress(stderr, parts);
    for (std::size_t n = 0; n < suites.size() && Stop::asked() == 0; ++n) {
      progress.begin_part(n, suites[n].name);
      results.suites.emplace_back();
      run_suite(suites[n], options.suite, results.suites.back(), &progress);
    }
  }
  results.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  results.interrupted = Stop::asked() != 0;
  if (options.json)
    fmt::print("{}\n", to_json(results).dump(1, ' ', false, Json::error_handler_t::replace));
  else
    fmt::print("{}", tables(results));
  std::fflush(stdout);
  const bool written = write_reports(results, options.reports);
  if (results.interrupted) {
    say("interrupted: what was measured until then is kept");
    return 128 + Stop::asked();
  }
  if (options.suites.empty()) {
    for (const Suite& suite : known)
      if (!suite.run) say(fmt::format("not run unless named: {} (needs {})", suite.name, suite.needs));
  }
  bool failed = !written;
  bool any = false, skipped = false;
  for (const SuiteResult& suite : results.suites) {
    any |= !suite.figures.empty();
    skipped |= !suite.skips.empty();
    if (suite.status != SuiteStatus::kFailed) continue;
    failed = true;
    say(fmt::format("{} failed; its notes say why", suite.name));
  }
  if (!any && !failed) {
    say(options.suite.only.empty() || skipped
            ? "nothing could be measured; the lines above say why"
            : fmt::format("no figure's name begins with '{}'", options.suite.only));
    return 2;
  }
  return failed ? 1 : 0;
}

int run_compare(const CompareOptions& options) {
  try {
    const Results before = load_results(options.before), after = load_results(options.after);
    const Comparisons all = compare(before, after, options.tolerance);
    if (all.figures.empty()) throw std::runtime_error("the two have no figure in common");
    if (before.quick != after.quick) say("one of the two was a quick run");
    if (options.json) {
      Json json{{"regressions", all.regressions()}, {"figures", Json::array()}};
      constexpr const char* kWords[] = {"same", "better", "worse", "unclear", "limit"};
      for (const Comparison& one : all.figures)
        json["figures"].push_back({{"name", one.name},
                                   {"unit", one.unit},
                                   {"before", one.before},
                                   {"after", one.after},
                                   {"by_ratio", one.by_ratio},
                                   {"change", {one.change.low, one.change.middle, one.change.high}},
                                   {"verdict", kWords[static_cast<int>(one.verdict)]}});
      fmt::print("{}\n", json.dump(1));
    } else {
      fmt::print("{}", table(all, options.tolerance));
    }
    return all.regressions() == 0 ? 0 : 1;
  } catch (const std::runtime_error& error) {
    say(error.what());
    return 2;
  }
}

}  // namespace hawser::bench
