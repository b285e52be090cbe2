// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a person reads while things run: standard error.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace hawser::launch {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Standard error that cannot be written is no reason to end: fmt::print would throw.
template <class... Args>
void tell(fmt::format_string<Args...> format, Args&&... args) {
  std::fputs(fmt::format(format, std::forward<Args>(args)...).c_str(), stderr);
}

}  // namespace hawser::launch
