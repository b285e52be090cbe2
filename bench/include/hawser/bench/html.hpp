// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The report: one HTML file that needs nothing else.
#pragma once

#include <hawser/bench/results.hpp>

#include <string>

namespace hawser::bench {

/// Well-formed XML too. Has the results inside as JSON, so that compare reads it.
std::string html(const Results& results);

}  // namespace hawser::bench
