// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the driver side reports, and where it goes.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

namespace hawser::app {

/// One line of the table. Strings live at least as long as the call that reports them.
struct Row {
  std::string_view device;  ///< "blk0": kind and device number.
  std::string_view operation;
  std::uint64_t bytes = 0;
  std::uint64_t operations = 0;
  std::uint64_t ns = 0;
  std::uint64_t doorbells = 0;   ///< Rung by this side during the operation.
  std::uint64_t interrupts = 0;  ///< Taken by this side.
  bool verified = false;
  std::string_view note;  ///< Why not verified, or what was left out.
};

/// A home's way to tell: say() one sentence, row() one result.
template <class R>
concept Reporter = requires(R& reporter, std::string_view sentence, const Row& row) {
  { reporter.say(sentence) } -> std::same_as<void>;
  { reporter.row(row) } -> std::same_as<void>;
};

}  // namespace hawser::app
