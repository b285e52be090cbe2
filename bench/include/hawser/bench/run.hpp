// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// `hawser bench`: suites, one after another, and what becomes of what they say.
#pragma once

#include <hawser/bench/results.hpp>
#include <hawser/bench/suites.hpp>

#include <string>
#include <vector>

namespace hawser::bench {

struct BenchOptions {
  std::vector<std::string> suites;   ///< None: all that run anywhere.
  std::vector<std::string> reports;  ///< Files, by their ending: .html or .json.
  bool json = false;                 ///< Results on standard output instead of tables.
  bool list = false;                 ///< Only say what there is.
  std::string cores;                 ///< "A,B"; "": the first two.
  std::string command;               ///< As the user wrote it.
  std::string version;
  SuiteOptions suite;
};

/// 0 measured; 1 a suite failed or a report could not be written; 2 it could not begin; 64 wrong words; 128 + signal when
/// interrupted, after the reports were written. Sentences go to standard error.
int run_bench(BenchOptions options);

struct CompareOptions {
  std::string before, after;
  double tolerance = 0.05;
  bool json = false;
};

/// 0 no regression, 1 a regression, 2 the two cannot be compared.
int run_compare(const CompareOptions& options);

/// One suite into `result`, and to whoever shows progress. For run_bench() and tests.
void run_suite(const Suite& suite, const SuiteOptions& options, SuiteResult& result,
               class Progress* progress);

}  // namespace hawser::bench
