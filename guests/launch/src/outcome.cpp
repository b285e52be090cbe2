// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "outcome.hpp"

#include <hawser/ivshmem/server/json.hpp>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace hawser::launch {

void Outcome::take_driver_line(std::string_view line) {
  if (auto row = parse_row(line)) rows.push_back(*row);
  if (auto status = parse_end(line)) end_status = *status;
}

void expect_reader(Outcome& outcome) {
  pollfd out{STDOUT_FILENO, 0, 0};
  if (outcome.over() || ::poll(&out, 1, 0) != 1 || (out.revents & POLLERR) == 0) return;
  outcome.failure = "stopped, since nobody reads standard output any more";
}

int conclude(const BootOptions& options, Outcome outcome) {
  if (outcome.stopped) outcome.failure = "stopped by a signal before the driver side had ended";
  if (outcome.failure.empty() && outcome.rows.empty())
    outcome.failure = "the driver side ended without a single row";
  std::vector<std::string> unverified;
  for (const Row& row : outcome.rows) {
    if (!row.verified) unverified.push_back(fmt::format("{} {}", row.device, row.operation));
  }
  if (outcome.failure.empty() && outcome.end_status != 0 && unverified.empty()) {
    outcome.failure = fmt::format("the driver side ended with status {}", *outcome.end_status);
  }
  const int status = outcome.failure.empty() && unverified.empty() ? 0 : 1;
  if (options.json) {
    const nlohmann::json json = {{"results", outcome.rows},
                                 {"status", status},
                                 {"failure", outcome.failure},
                                 {"unverified", unverified},
                                 {"logs", options.log_directory.string()},
                                 {"seconds", seconds_since(outcome.start)}};
    fmt::print("{}\n", ivshmem::json_text(json, 2));
  } else if (!outcome.rows.empty()) {
    fmt::print("\n{}", table(outcome.rows));
  }
  std::fflush(stdout);
  for (const auto& which : unverified) tell("hawser: {} did not verify\n", which);
  if (!outcome.failure.empty()) tell("hawser: {}\n", outcome.failure);
  if (!options.quiet)
    tell("hawser  | {:6.2f} s  consoles are kept in {}\n", seconds_since(outcome.start),
         options.log_directory.string());
  return status;
}

std::filesystem::path find_image(const BootOptions& options, const std::string& file, Arch arch) {
  auto installed = options.images / std::string(name(arch)) / file;
  if (std::filesystem::exists(installed)) return installed;
  auto built = options.images / fmt::format("guest-{}", name(arch)) / "guests" / "baremetal" / file;
  if (std::filesystem::exists(built)) return built;
  throw std::runtime_error(fmt::format(
      "there is no guest image {} for {} in {} (neither {} nor {}); build it with ./dev build, or "
      "name the folder where it is with --images",
      file, name(arch), options.images.string(), installed.lexically_relative(options.images).string(),
      built.lexically_relative(options.images).string()));
}

}  // namespace hawser::launch
