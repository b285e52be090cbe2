// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The JSON of figures, and of what a suite program says: one object a line (bench/README.md).
#pragma once

#include <hawser/bench/sink.hpp>

#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace hawser::bench {

/// One sentence: what was found, and what was expected.
class Malformed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using Json = nlohmann::ordered_json;

Json to_json(const Figure& figure);
/// Every field is checked, and bounded: whoever wrote this may be anybody. Throws Malformed.
Figure figure_from_json(const Json& json);

struct BeginEvent {
  std::string suite;
  Plan plan;
};
struct StepEvent {
  std::string name;
  unsigned done = 0;
};
struct EndEvent {};
using Event = std::variant<BeginEvent, StepEvent, Figure, Skip, Note, EndEvent>;

/// One line, without its end. Throws Malformed.
Event parse_event(std::string_view line);
std::string line_of(const Event& event);

}  // namespace hawser::bench
