// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One line for each thing checked: "ok SENTENCE" or "not ok SENTENCE", and a count at the end.
#pragma once

#include <hawser/guest/console.hpp>

#include <string_view>

namespace hawser::guest::selftest {

class Report {
 public:
  bool check(bool holds, std::string_view sentence) {
    ++(holds ? passed_ : failed_);
    console_.print(holds ? "ok " : "not ok ", sentence, '\n');
    return holds;
  }

  /// For the one who runs the test: numbers, and requests to do something from outside.
  template <class... T>
  void say(const T&... parts) {
    console_.print("# ", parts..., '\n');
  }

  bool good() const { return failed_ == 0; }

  /// Prints the count; the image's status. A run without a check is no success.
  int finish() {
    console_.print(passed_, " passed, ", failed_, " failed\n");
    return failed_ == 0 && passed_ != 0 ? 0 : 1;
  }

 private:
  Console console_;
  unsigned passed_ = 0;
  unsigned failed_ = 0;
};

}  // namespace hawser::guest::selftest
