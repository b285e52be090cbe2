// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How far a run is: a bar with the time left on a terminal, a line now and then elsewhere.
#pragma once

#include <hawser/bench/sink.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace hawser::bench {

/// What of a run is over, and what of it is to come. Keeps no clock: seconds since the start are handed in.
class Forecast {
 public:
  struct Part {
    std::string name;
    double seconds = 0;  ///< As far as known.
  };
  explicit Forecast(std::vector<Part> parts) : parts_(std::move(parts)) {}

  void begin_part(std::size_t part, double now);
  void plan(const Plan& plan);
  void step(unsigned done) { done_ = done; }

  double left(double now) const;
  /// 0 to 1; never less than it was.
  double share(double now);

 private:
  double left_of_part(double now) const;

  std::vector<Part> parts_;
  std::size_t part_ = 0;
  double began_ = 0;
  Plan plan_;
  unsigned done_ = 0;
  double shown_ = 0;
};

class Progress {
 public:
  Progress(std::FILE* to, std::vector<Forecast::Part> parts);
  ~Progress() { clear(); }

  void begin_part(std::size_t part, const std::string& suite);
  void plan(const Plan& plan);
  void step(const std::string& name, unsigned done);
  /// Before something else is written there.
  void clear();

 private:
  void draw(bool now);
  double seconds() const;

  std::FILE* to_;
  bool terminal_;
  Forecast forecast_;
  std::string suite_;
  std::string name_;
  std::chrono::steady_clock::time_point began_;
  double drawn_ = -1e9;
  bool there_ = false;
};

}  // namespace hawser::bench
