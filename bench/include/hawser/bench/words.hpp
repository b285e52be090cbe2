// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Numbers and verdicts as people read them.
#pragma once

#include <hawser/bench/results.hpp>

#include <string>
#include <string_view>

namespace hawser::bench {

/// "119 ns", "1.74 µs", "9.8 GB/s", "30.1 M packet/s".
std::string with_unit(double value, std::string_view unit);
/// "64 B", "4 KiB", "1 MiB".
std::string bytes_in_words(double bytes);
/// "45 s", "2 min 05 s".
std::string span_in_words(double seconds);
/// A parameter of a figure: "ivshmem", "packed" or "no packed", "64 B", "depth 8".
std::string in_words(const std::string& key, const Parameter& value);
/// Three significant digits.
std::string short_number(double value);

/// "at most 1.5 × pingpong.one_line", "at least 28 ns".
std::string aim_in_words(const Figure& figure);
/// "met", "missed", or why that is not known.
std::string verdict_in_words(const Results& results, const SuiteResult& suite, const Figure& figure);

/// The whole result in sentences: one a missed aim, then what could not be measured.
std::vector<std::string> summary(const Results& results);

/// A word as a shell reads it.
std::string shell_word(std::string_view word);

}  // namespace hawser::bench
