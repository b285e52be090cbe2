// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One side of a link while it runs: a child, its console split into lines, its log file.
#pragma once

#include <hawser/launch/child.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::launch {

class Party {
 public:
  using LineHandler = std::function<void(const Party&, std::string_view line)>;

  /// What becomes of a console's carriage returns.
  enum class Returns {
    kDropped,
    kKept
  };

  /// The log file name.log in `log_directory` is made by the first start(), and begins with the command line.
  Party(std::string name, std::vector<std::string> command, const std::filesystem::path& log_directory,
        Returns returns = Returns::kDropped);

  const std::string& name() const { return name_; }
  const std::filesystem::path& log() const { return log_path_; }
  bool running() const { return child_.running(); }
  int output_fd() const { return child_.output_fd(); }
  pid_t pid() const { return child_.pid(); }
  unsigned starts() const { return starts_; }
  const std::vector<std::string>& command() const { return command_; }
  /// The last line, whole or not, that it said before it said that it ends; for a sentence about its end.
  const std::string& last_words() const { return partial_.empty() ? last_line_ : partial_; }

  void start();
  /// Reads what the console has now; calls `handler` for each whole line, without its end.
  void read_lines(const LineHandler& handler);
  std::optional<Ending> try_reap() { return child_.try_reap(); }
  void kill() { child_.signal(9); }
  Ending stop() { return child_.stop(); }

 private:
  /// A console that sends megabytes without a newline must not fill our memory.
  static constexpr std::size_t kLongestLine = 4096;

  std::string name_;
  std::vector<std::string> command_;
  std::filesystem::path log_path_;
  Returns returns_;
  std::ofstream log_;
  Child child_;
  std::string partial_, last_line_;
  unsigned starts_ = 0;
};

}  // namespace hawser::launch
