// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The arguments that an image takes, said in one place, so that a wrong word is named instead of being ignored.
#pragma once

#include <hawser/guest/arguments.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hawser::guest {

class Machine;

/// `key=value`, where the value is one of `choices`, which | divides, or without any a number from `least` to `most`.
struct Parameter {
  std::string_view key;
  std::string_view choices{};
  std::uint64_t least = 0;
  std::uint64_t most = UINT64_MAX;

  /// @param word  with this key.
  bool accepts(std::string_view word) const;
};

struct WrongArgument {
  std::string_view word;
  const Parameter* parameter = nullptr;  ///< None: the image has no such argument.
};

/// The first word that is no argument of these.
std::optional<WrongArgument> find_wrong(const Arguments& arguments, std::span<const Parameter> parameters);

/// Says on the console what is wrong, if anything is, and what was expected. True: nothing.
bool accept_arguments(const Machine& machine, std::span<const Parameter> parameters);

}  // namespace hawser::guest
