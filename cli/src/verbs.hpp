// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The verbs of the hawser command. Each adds its subcommand, with options and help; parsing runs it and stores its status.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace hawser::cli {

/// What main() returns: 0 success, 1 the work failed, 2 it could not be started, 64 a wrong command line.
using Status = int;

/// A sentence for the user on standard error. Never throws: whoever read it may be gone.
void say(std::string_view sentence) noexcept;

void add_boot(CLI::App& app, Status& status);
void add_serve(CLI::App& app, Status& status);
void add_use(CLI::App& app, Status& status);
void add_ivshmem_server(CLI::App& app, Status& status);
void add_argo_broker(CLI::App& app, Status& status);
void add_stats(CLI::App& app, Status& status);
void add_bench(CLI::App& app, Status& status);

}  // namespace hawser::cli
