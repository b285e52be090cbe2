// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The console over the architecture's one-byte put and take.
#include <hawser/guest/console.hpp>

#include "arch.hpp"
#include "console_input.hpp"

#include <array>
#include <cstddef>

namespace hawser::guest {
namespace {

// A ring of what was typed but not read. The size divides 2^64, so the indices may wrap.
constinit std::array<char, 256> typed{};
constinit std::size_t typed_in = 0;
constinit std::size_t typed_out = 0;

}  // namespace

void collect_console_input() {
  while (const auto c = arch::console_take()) {
    if (typed_in - typed_out < typed.size()) typed[typed_in++ % typed.size()] = *c;
  }
}

void Console::write(std::string_view text) const {
  for (const char c : text) {
    if (c == '\n') arch::console_put('\r');
    arch::console_put(c);
  }
}

std::optional<char> Console::read() const {
  collect_console_input();
  if (typed_in == typed_out) return std::nullopt;
  return typed[typed_out++ % typed.size()];
}

}  // namespace hawser::guest
