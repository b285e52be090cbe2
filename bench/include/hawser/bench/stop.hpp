// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Ctrl-C: measuring ends soon, what was measured is kept, reports are written.
#pragma once

#include <csignal>

namespace hawser::bench {

/// While it lives, SIGINT and SIGTERM are taken down instead of ending the process. One at a time.
class Stop {
 public:
  Stop();
  ~Stop();
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;

  /// 0, or the signal that came first.
  static int asked();
  /// How often. Who asks twice is in a hurry.
  static int times();
  /// As if the signal had come. For tests.
  static void ask(int signal);

 private:
  struct sigaction before_[3];
};

}  // namespace hawser::bench
