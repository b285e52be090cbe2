// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Line charts as SVG that stands in a page by itself.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hawser::bench {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< x, y; by x
};

struct Axis {
  std::string label;
  bool logarithmic = true;
  std::function<std::string(double)> words;
  std::vector<double> ticks;  ///< Empty: chosen.
};

struct Chart {
  std::string title;
  Axis x, y;
  std::vector<Series> series;
};

/// At most this many lines are told apart in one chart.
inline constexpr std::size_t kMostSeries = 8;

/// Of the nth series, or whatever else there are several of.
std::string_view color_of(std::size_t n);

/// A figure element: the drawing, and a legend. Points that cannot be drawn (not positive on a logarithmic axis) are left out.
std::string svg(const Chart& chart);

/// Text as HTML and XML.
std::string escaped(std::string_view text);

}  // namespace hawser::bench
