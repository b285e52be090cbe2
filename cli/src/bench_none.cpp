// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The verb of a program that was built with -Dbench=false, as the one in Linux guests of a foreign architecture is.

#include "verbs.hpp"

#include <stdexcept>

namespace hawser::cli {

void add_bench(CLI::App& app, Status&) {
  auto* verb = app.add_subcommand("bench", "not in this program, which was built without it (-Dbench=false)");
  verb->allow_extras();
  verb->callback([] {
    throw std::runtime_error("this program was built without benchmarks: measure with the host's hawser");
  });
}

}  // namespace hawser::cli
