// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The server's log: clients can cause lines, but not without end.
#pragma once

#include <hawser/transport/time.hpp>

#include <fmt/format.h>

#include <functional>
#include <string_view>

namespace hawser::ivshmem {

class Log {
 public:
  explicit Log(std::function<void(std::string_view)> sink) : sink_(std::move(sink)) {}

  /// For what the server does of its own will.
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    if (sink_) sink_(fmt::format(format, std::forward<Args>(args)...));
  }

  /// For what a client can cause: at most kBurst lines at once and kPerSecond over time; the next line that
  /// gets through says how many did not.
  template <class... Args>
  void caused(Instant now, fmt::format_string<Args...> format, Args&&... args) {
    const std::uint64_t earned = elapsed(last_, now).ns / (seconds(1).ns / kPerSecond);
    if (earned > 0) {
      allowance_ = earned >= kBurst - allowance_ ? kBurst : allowance_ + earned;
      last_ = now;
    }
    if (allowance_ == 0) {
      ++swallowed_;
      return;
    }
    --allowance_;
    if (swallowed_ > 0) say("({} more lines like these were left out)", std::exchange(swallowed_, 0));
    say(format, std::forward<Args>(args)...);
  }

 private:
  static constexpr std::uint64_t kBurst = 200;
  static constexpr std::uint64_t kPerSecond = 20;

  std::function<void(std::string_view)> sink_;
  std::uint64_t allowance_ = kBurst;
  std::uint64_t swallowed_ = 0;
  Instant last_{};
};

}  // namespace hawser::ivshmem
