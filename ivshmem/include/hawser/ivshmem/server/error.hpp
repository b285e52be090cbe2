// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the hosted half of the module throws while it is being set up. Nothing is thrown once it runs.
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>
#include <string>

namespace hawser::ivshmem {

/// what() is one sentence for the user: it names the thing and says what was expected of it.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& sentence) : std::runtime_error(sentence) {}

  template <class... Args>
  [[noreturn]] static void raise(fmt::format_string<Args...> format, Args&&... args) {
    throw Error(fmt::format(format, std::forward<Args>(args)...));
  }
};

/// The system's own words for an errno value.
inline std::string system_words(int error) {
  return std::strerror(error);
}

}  // namespace hawser::ivshmem
