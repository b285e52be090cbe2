// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Which suites there are, and what each needs.
#pragma once

#include <hawser/bench/machine.hpp>
#include <hawser/bench/sink.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::bench {

/// What the user chose, for every suite.
struct SuiteOptions {
  bool quick = false;
  std::string only;           ///< Figures whose names begin so.
  unsigned rounds = 0;        ///< Runs of each figure; 0: as many as the suite thinks fit.
  unsigned queue_size = 256;  ///< Descriptors of each queue of `queue` and `link`.
  std::string features;       ///< "event", "order", separated by commas.
  Cores cores;
  std::string hawser;  ///< The program of that name.
};

struct Suite {
  std::string name;
  std::string what;
  std::string needs;   ///< "" for those that run anywhere.
  double seconds = 0;  ///< About; a tenth of it with --quick.
  bool two_cores = true;
  std::function<void(const SuiteOptions&, Sink&)> run;  ///< In this process. Empty: a program.
  std::string program;                                  ///< Its path; "" where it is not there.
};

/// All that are known, in the order in which they are run. Programs are looked for as `hawser-bench-NAME` in the folders
/// of HAWSER_BENCH_SUITES (separated by colons), beside `hawser`, in ../bench and in ../libexec/hawser.
std::vector<Suite> known_suites(const std::string& hawser);

/// This program's own path.
std::string own_program();

// The native ones.
void run_limits(const SuiteOptions& options, Sink& sink);
void run_queue(const SuiteOptions& options, Sink& sink);
void run_link(const SuiteOptions& options, Sink& sink);
void run_device(const SuiteOptions& options, Sink& sink);
void run_stress(const SuiteOptions& options, Sink& sink);
void run_argo(const SuiteOptions& options, Sink& sink);

}  // namespace hawser::bench
