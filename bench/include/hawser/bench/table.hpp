// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Figures as a table for a terminal.
#pragma once

#include <hawser/bench/results.hpp>

#include <string>

namespace hawser::bench {

std::string tables(const Results& results);

}  // namespace hawser::bench
