// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two threads, each nailed to a core of its own: one measures, the other answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace hawser::bench {

/// Two processors that this process may run on.
struct Cores {
  int measuring = 0;
  int answering = 0;
};

/// Nothing when there are not two.
std::optional<Cores> two_cores();

/// Runs `answer` on one core and `measure` on the other, lets both start together, and returns the
/// nanoseconds that `measure` took. Both are called once.
std::uint64_t timed_pair(Cores cores, const std::function<void()>& measure,
                         const std::function<void()>& answer);

}  // namespace hawser::bench
