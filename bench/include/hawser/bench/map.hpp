// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Where which of several links is the best: by payload and depth.
#pragma once

#include <hawser/bench/results.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace hawser::bench {

struct Map {
  struct Place {
    std::size_t link = 0;
    double ratio = 1;  ///< How many times worse than the best here.
  };

  std::string title;                                                ///< What they do.
  std::vector<std::string> links;                                   ///< A, B, C, ... as they were measured.
  std::map<double, std::map<double, std::vector<Place>>> payloads;  ///< payload, depth: the best first
};

/// Figures that differ in payload, depth and link only, over two links or more in two payloads and two depths or more,
/// are a map.
std::vector<Map> maps(const SuiteResult& suite);

/// A table for a terminal: the letter of the best, then the others' with their ratios.
std::string in_text(const Map& map);
/// The same for a page; colors say nothing that letters do not.
std::string in_html(const Map& map);

}  // namespace hawser::bench
