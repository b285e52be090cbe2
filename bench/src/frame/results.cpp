// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/results.hpp>
#include <hawser/bench/statistics.hpp>

#include "fields.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace hawser::bench {
namespace {

constexpr int kVersion = 1;
constexpr std::array<const char*, 4> kStatus = {"measured", "interrupted", "failed", "skipped"};

const Figure* find(const std::vector<Figure>& figures, std::string_view name) {
  const auto at =
      std::find_if(figures.begin(), figures.end(), [&](const Figure& f) { return f.name == name; });
  return at == figures.end() ? nullptr : &*at;
}

SuiteResult suite_from_json(const Json& json) {
  fields::object(json, "a suite");
  SuiteResult suite;
  suite.name = fields::text(json, "name");
  const std::string status = fields::text(json, "status");
  const auto at = std::find(kStatus.begin(), kStatus.end(), status);
  if (at == kStatus.end()) throw Malformed(fmt::format("a suite's status is \"{}\"", status));
  suite.status = static_cast<SuiteStatus>(at - kStatus.begin());
  suite.seconds = fields::number_or(json, "seconds", 0);
  for (const Json& one : fields::list(json, "figures")) suite.figures.push_back(figure_from_json(one));
  for (const Json& one : fields::list(json, "skips"))
    suite.skips.push_back({fields::text_or(one, "name", ""), fields::text(one, "why")});
  for (const Json& one : fields::list(json, "notes"))
    suite.notes.push_back({fields::text_or(one, "name", ""), fields::text(one, "text")});
  return suite;
}

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw std::runtime_error(fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

/// A line of the flat list, for whoever wants a duration and its ratio and no more.
Json in_short(const SuiteResult& suite, const Json& figure) {
  return {{"suite", suite.name},
          {"name", figure.at("name")},
          {"ns", figure.at("median")},
          {"against", figure.value("against", Json(nullptr))},
          {"ratio", figure.value("ratio", Json(nullptr))}};
}

}  // namespace

const Figure* against_of(const Results& results, const SuiteResult& suite, const Figure& figure) {
  if (figure.against.empty()) return nullptr;
  if (const Figure* here = find(suite.figures, figure.against)) return here;
  const auto slash = figure.against.find('/');
  if (slash == std::string::npos) return nullptr;
  for (const SuiteResult& other : results.suites)
    if (other.name == figure.against.substr(0, slash))
      return find(other.figures, figure.against.substr(slash + 1));
  return nullptr;
}

std::optional<double> ratio_of(const Results& results, const SuiteResult& suite, const Figure& figure) {
  const Figure* against = against_of(results, suite, figure);
  if (against == nullptr) return std::nullopt;
  const double bottom = median(against->samples);
  if (bottom == 0) return std::nullopt;
  return median(figure.samples) / bottom;
}

std::optional<bool> aim_met(const Results& results, const SuiteResult& suite, const Figure& figure) {
  if (!figure.aim) return std::nullopt;
  const auto reached =
      figure.aim->ratio ? ratio_of(results, suite, figure) : std::optional(median(figure.samples));
  if (!reached) return std::nullopt;
  const double aim = figure.aim->ratio ? *figure.aim->ratio : *figure.aim->value;
  return figure.aim->sense == Aim::Sense::kAtMost ? *reached <= aim : *reached >= aim;
}

Json to_json(const Results& results) {
  Json json{{"format", "hawser-bench"},           {"version", kVersion},
            {"started", results.started},         {"command", results.command},
            {"seconds", results.seconds},         {"quick", results.quick},
            {"interrupted", results.interrupted}, {"machine", to_json(results.machine)},
            {"results", Json::array()},           {"suites", Json::array()}};
  if (results.settings)
    json["settings"] = {{"size", results.settings->size}, {"features", results.settings->features}};
  for (const SuiteResult& suite : results.suites) {
    Json one{{"name", suite.name},       {"status", kStatus[static_cast<std::size_t>(suite.status)]},
             {"seconds", suite.seconds}, {"figures", Json::array()},
             {"skips", Json::array()},   {"notes", Json::array()}};
    for (const Figure& figure : suite.figures) {
      Json with_median = to_json(figure);
      with_median["median"] = median(figure.samples);
      if (const auto ratio = ratio_of(results, suite, figure)) with_median["ratio"] = *ratio;
      if (const auto met = aim_met(results, suite, figure)) with_median["aim_met"] = *met;
      if (figure.unit == "ns") json["results"].push_back(in_short(suite, with_median));
      one["figures"].push_back(std::move(with_median));
    }
    for (const Skip& skip : suite.skips) one["skips"].push_back({{"name", skip.name}, {"why", skip.why}});
    for (const Note& note : suite.notes) one["notes"].push_back({{"name", note.name}, {"text", note.text}});
    json["suites"].push_back(std::move(one));
  }
  return json;
}

Results results_from_json(const Json& json) {
  fields::object(json, "the file");
  if (fields::text_or(json, "format", "") != "hawser-bench") throw Malformed("not results of hawser bench");
  if (fields::number(json, "version") != kVersion)
    throw Malformed(fmt::format("written in version {} of the format; this program reads {}",
                                fields::number(json, "version"), kVersion));
  Results results;
  results.started = fields::text_or(json, "started", "");
  results.command = fields::text_or(json, "command", "");
  results.seconds = fields::number_or(json, "seconds", 0);
  results.quick = fields::truth(json, "quick");
  if (const Json* settings = fields::find(json, "settings")) {
    fields::object(*settings, "\"settings\"");
    results.settings = {fields::count(*settings, "size"), fields::text(*settings, "features")};
  }
  results.interrupted = fields::truth(json, "interrupted");
  const Json* machine = fields::find(json, "machine");
  if (machine == nullptr) throw Malformed("\"machine\" is missing");
  results.machine = machine_from_json(*machine);
  for (const Json& suite : fields::list(json, "suites", 1000))
    results.suites.push_back(suite_from_json(suite));
  return results;
}

Results load_results(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, "cannot be read");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) fail(path, "cannot be read");
  // A report has its results inside.
  constexpr std::string_view kOpen = "<script type=\"application/json\" id=\"results\">";
  if (const auto at = text.find(kOpen); at != std::string::npos) {
    const auto end = text.find("</script>", at);
    text = text.substr(at + kOpen.size(), end == std::string::npos ? 0 : end - at - kOpen.size());
  }
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded())
    throw std::runtime_error(fmt::format("{}: neither JSON nor a report of hawser bench", path));
  try {
    return results_from_json(json);
  } catch (const Malformed& wrong) {
    throw std::runtime_error(fmt::format("{}: {}", path, wrong.what()));
  }
}

void write_atomically(const std::string& path, std::string_view bytes) {
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) fail(path, "cannot be written");
  const auto give_up = [&](const char* what) {
    const int why = errno;
    close(fd);
    unlink(temporary.c_str());
    errno = why;
    fail(path, what);
  };
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) give_up("cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  const mode_t mask = umask(0);
  umask(mask);
  if (fchmod(fd, 0666 & ~mask) != 0 || fsync(fd) != 0) give_up("cannot be written");
  if (rename(temporary.c_str(), path.c_str()) != 0) give_up("cannot be replaced");
  close(fd);
}

}  // namespace hawser::bench
