// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The verb in `hawser` itself: hawser-bench, which lies beside it, has it.

#include "verbs.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

namespace hawser::cli {

void add_bench(CLI::App& app, Status&) {
  auto* verb =
      app.add_subcommand("bench", "measure this machine's limits and how close Hawser comes to them");
  verb->prefix_command();
  verb->set_help_flag();
  verb->callback([verb] {
    std::error_code none;
    const auto other = std::filesystem::read_symlink("/proc/self/exe", none).replace_filename("hawser-bench");
    std::vector<std::string> words = verb->remaining();
    words.insert(words.begin(), {"hawser", "bench"});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(other.c_str(), argv.data());
    throw std::runtime_error(fmt::format(
        "the benchmarks are a program of their own, and {} can not be run ({}): measure with ./dev bench",
        other.string(), std::strerror(errno)));
  });
}

}  // namespace hawser::cli
