// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// All that one run of `hawser bench` found, and its file.
#pragma once

#include <hawser/bench/figure.hpp>
#include <hawser/bench/machine.hpp>

#include <optional>
#include <string>
#include <vector>

namespace hawser::bench {

enum class SuiteStatus {
  kMeasured,
  kInterrupted,  ///< Stopped half-way: its figures count.
  kFailed,       ///< Ended badly; figures from before that count.
  kSkipped,      ///< Cannot run here.
};

struct SuiteResult {
  std::string name;
  SuiteStatus status = SuiteStatus::kInterrupted;
  double seconds = 0;
  std::vector<Figure> figures;
  std::vector<Skip> skips;
  std::vector<Note> notes;
};

/// Of the queues.
struct Settings {
  unsigned size = 256;
  std::string features;
  bool operator==(const Settings&) const = default;
};

struct Results {
  Machine machine;
  std::string started;  ///< ISO 8601, UTC
  std::string command;
  double seconds = 0;
  bool quick = false;
  std::optional<Settings> settings;  ///< Older files have none.
  bool interrupted = false;
  std::vector<SuiteResult> suites;
};

/// The figure that `figure` of `suite` is held against; nullptr if none, or if it was not measured.
const Figure* against_of(const Results& results, const SuiteResult& suite, const Figure& figure);

/// Whether it was reached; nothing without an aim, or when what it is held against was not measured.
std::optional<bool> aim_met(const Results& results, const SuiteResult& suite, const Figure& figure);

/// median(figure) / median(against). Nothing without one.
std::optional<double> ratio_of(const Results& results, const SuiteResult& suite, const Figure& figure);

/// The document that bench/schema.json describes.
Json to_json(const Results& results);
Results results_from_json(const Json& json);  ///< Throws Malformed.

/// A JSON file, or a report that has one inside. Throws std::runtime_error in one sentence.
Results load_results(const std::string& path);

/// All of it or nothing: readers never see a half, and a crash leaves the old file. Throws std::runtime_error.
void write_atomically(const std::string& path, std::string_view bytes);

}  // namespace hawser::bench
