// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Which curves a suite's figures make.
#pragma once

#include <hawser/bench/chart.hpp>
#include <hawser/bench/results.hpp>

#include <vector>

namespace hawser::bench {

/// Figures that differ in their payload (or depth, or batch) only, three or more of them, are a line; lines of one
/// unit are a chart, split where there are more than can be told apart.
std::vector<Chart> curves(const SuiteResult& suite);

/// Share of requests over time: a line for each figure with a histogram.
std::vector<Chart> latencies(const SuiteResult& suite);

}  // namespace hawser::bench
