// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Bus 0 as this runtime owns it: whatever the firmware assigned is forgotten, and a function that somebody claims gets
// fresh addresses. One path, then, on machines with SeaBIOS, with qboot and with no firmware at all.
#pragma once

#include "range.hpp"

#include <hawser/guest/pci.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::guest::pci {

/// What an architecture must find out about the host bridge.
struct Host {
  Range ecam;         ///< Configuration space of bus 0: 1 MiB.
  Range low_window;   ///< Addresses below 4 GiB that reach the bus.
  Range high_window;  ///< Addresses above 4 GiB that reach the bus; may be empty.
};

/// The memory regions of a claimed function; an empty range where there is none. A 64-bit BAR leaves the next one
/// empty.
using Bars = std::array<Range, 6>;

class Bus {
 public:
  static constexpr std::size_t kMaxFunctions = 64;

  Bus() = default;

  /// Maps configuration space, lists the functions, and stops all of them from answering in memory or I/O space and
  /// from sending anything. False when configuration space cannot be mapped.
  bool open(const Host& host);

  /// In the order of their addresses; those beyond kMaxFunctions are left out.
  std::span<const Function> functions() const { return {functions_.data(), count_}; }

  /// Gives the function addresses, maps none of them, and lets it answer in memory space and send messages.
  /// Nothing when a window has no room left.
  std::optional<Bars> claim(const Function& function);

 private:
  std::optional<Range> place(std::uint64_t size, bool above_4g);

  std::array<Function, kMaxFunctions> functions_;
  std::size_t count_ = 0;
  Range low_left_;
  Range high_left_;
};

}  // namespace hawser::guest::pci
