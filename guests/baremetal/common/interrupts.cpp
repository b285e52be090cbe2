// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The counters behind interrupts.hpp. Plain memory: interrupts are taken only inside arch::take_pending() and
// arch::sleep(), which the compiler cannot see through, so nothing here changes under its reader.
#include "interrupts.hpp"

#include <array>

namespace hawser::guest::interrupts {
namespace {

constinit std::array<std::uint32_t, kSlots> taken{};
constinit std::uint64_t taken_in_all = 0;
constinit unsigned reserved = 0;

}  // namespace

void message_taken(unsigned slot) {
  if (slot >= kSlots) return;
  ++taken[slot];
  ++taken_in_all;
}

void other_taken() {
  ++taken_in_all;
}

std::uint32_t count(unsigned slot) {
  return slot < kSlots ? taken[slot] : 0;
}

std::uint64_t total() {
  return taken_in_all;
}

std::optional<unsigned> reserve(unsigned n) {
  if (n > left()) return std::nullopt;
  const unsigned first = reserved;
  reserved += n;
  return first;
}

unsigned left() {
  return kSlots - reserved;
}

}  // namespace hawser::guest::interrupts
