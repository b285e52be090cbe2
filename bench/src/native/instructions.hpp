// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Instructions of a request, by callgrind: the same each time, whatever else the machine does.
#pragma once

#include <hawser/bench/sink.hpp>
#include <hawser/bench/suites.hpp>

#include <string>

namespace hawser::bench {

/// Figures of both formats, or one loud skip.
void count_instructions(const SuiteOptions& options, Sink& sink);

}  // namespace hawser::bench
