// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Where a process's sentences go.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

namespace hawser::process {

/// One sentence a call, without a line's end. Must not throw.
using Say = std::function<void(std::string_view)>;

/// To `say`, or to stderr if that is empty.
inline void say_somewhere(const Say& say, std::string_view line) {
  if (say) return say(line);
  std::fputs((std::string(line) + '\n').c_str(), stderr);  // never fails, even if the log's disk is full
}

}  // namespace hawser::process
