// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The one sentence with which a port says why it can't be had.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace hawser::process {

template <class... T>
[[noreturn]] void raise(fmt::format_string<T...> text, T&&... values) {
  throw std::runtime_error(fmt::format(text, std::forward<T>(values)...));
}

}  // namespace hawser::process
