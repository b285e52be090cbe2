// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a program of this command is but for its verbs: its words are read, a wrong one is named, and what it has printed
// has arrived when it ends.
#pragma once

#include "verbs.hpp"

namespace hawser::cli {

using AddVerbs = void (*)(CLI::App& app, Status& status);

/// The status for main() to return.
int run_program(int argc, char** argv, AddVerbs add_verbs);

}  // namespace hawser::cli
