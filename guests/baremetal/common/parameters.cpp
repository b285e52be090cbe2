// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/guest/machine.hpp>
#include <hawser/guest/parameters.hpp>

namespace hawser::guest {

bool accept_arguments(const Machine& machine, std::span<const Parameter> parameters) {
  const auto wrong = find_wrong(machine.arguments(), parameters);
  if (!wrong) return true;
  const Console console = machine.console();
  console.print("argument ", wrong->word, ": ");
  if (wrong->parameter == nullptr) {
    console.print("there is no such argument; this image takes");
    for (const Parameter& parameter : parameters) console.print(" ", parameter.key, "=");
  } else if (!wrong->parameter->choices.empty()) {
    console.print("expected ", wrong->parameter->key, "=", wrong->parameter->choices);
  } else {
    console.print("expected ", wrong->parameter->key, "= and a whole number from ", wrong->parameter->least,
                  " to ", wrong->parameter->most, ", such as 10, 0x10 or 10M");
  }
  console.print("\n");
  return false;
}

}  // namespace hawser::guest
