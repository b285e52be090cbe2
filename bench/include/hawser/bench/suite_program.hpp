// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A suite that is a program of its own: run, listened to, and ended with all that it started.
#pragma once

#include <hawser/bench/sink.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace hawser::bench {

struct ProgramLimits {
  std::size_t longest_line = 4u << 20;
  std::size_t most_figures = 20'000;
  /// A program that says nothing for so long is taken to hang.
  std::chrono::milliseconds silence = std::chrono::minutes(3);
  /// How long it has to clean up after SIGTERM.
  std::chrono::milliseconds farewell = std::chrono::seconds(20);
};

enum class ProgramEnd {
  kMeasured,
  kCannotHere,   ///< Status 75: it said why by a skip.
  kInterrupted,  ///< We were asked to stop, or it stopped without an end.
  kFailed,
};

struct ProgramResult {
  ProgramEnd end = ProgramEnd::kFailed;
  std::string why;  ///< A sentence, where it failed.
};

/// `argv[0]` is a path. What it says goes to `sink`; lines that are no events are counted and told as one note. Its
/// standard error is this process's. It runs in a process group of its own, which is empty when this returns.
ProgramResult run_program(const std::vector<std::string>& argv, Sink& sink, const ProgramLimits& limits = {});

}  // namespace hawser::bench
