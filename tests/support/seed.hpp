// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The seed of a randomized test: HAWSER_SEED from the environment (a number, or "random"), else 1.
// `HAWSER_TEST_SEED(seed);` declares `seed` and prints it when a check below it fails.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace hawser::test {

inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* text = std::getenv("HAWSER_SEED");
    if (text == nullptr || *text == '\0') return std::uint64_t{1};
    if (std::string_view(text) == "random") {
      return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    }
    return static_cast<std::uint64_t>(std::stoull(text, nullptr, 0));
  }();
  return value;
}

}  // namespace hawser::test

#define HAWSER_TEST_SEED(name)                       \
  const std::uint64_t name = ::hawser::test::seed(); \
  INFO("to repeat: HAWSER_SEED=", name)
