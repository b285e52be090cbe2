// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Where a suite says what it does and what it found, whether it runs in this process or speaks JSON Lines from another.
#pragma once

#include <hawser/bench/figure.hpp>

#include <string>

namespace hawser::bench {

struct Plan {
  unsigned steps = 0;
  double seconds = 0;  ///< All of it, as far as known.
};

class Sink {
 public:
  virtual ~Sink() = default;

  /// First, and again whenever the plan changes.
  virtual void begin(const Plan& plan) = 0;
  /// About to do this one; `done` of the steps are over.
  virtual void step(const std::string& name, unsigned done) = 0;
  virtual void figure(Figure figure) = 0;
  virtual void skip(Skip skip) = 0;
  virtual void note(Note note) = 0;
};

}  // namespace hawser::bench
