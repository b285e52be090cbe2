// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A child process that can not be left behind: it dies with its owner, and its output comes through a pipe.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hawser::launch {

/// How a child ended.
struct Ending {
  bool by_signal = false;
  int number = 0;  ///< Exit status or signal.
  /// "status 3" or "signal 9 (Killed)".
  std::string text() const;
};

class Child {
 public:
  Child() = default;
  /// Starts `command` with no standard input; standard output and error both go to output_fd(). The kernel kills the child
  /// when the thread that started it ends. Throws std::runtime_error with one sentence if it can not be started.
  explicit Child(const std::vector<std::string>& command);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();  ///< Kills and reaps.

  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  int output_fd() const { return output_fd_; }  ///< Non-blocking. -1: closed.
  /// At its end, where a poll() would say for ever that there is something to read.
  void close_output();

  void signal(int number) const;
  /// Reaps if it has ended. The output may still hold unread bytes.
  std::optional<Ending> try_reap();
  /// SIGTERM, up to a second of patience, SIGKILL; reaps.
  Ending stop();

 private:
  pid_t pid_ = -1;
  int output_fd_ = -1;
};

}  // namespace hawser::launch
