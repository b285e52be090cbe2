// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/chart.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace hawser::bench {
namespace {

constexpr double kWidth = 720, kHeight = 330, kLeft = 96, kRight = 30, kTop = 12, kBottom = 46;
// Okabe and Ito's, which most color-blind people can tell apart.
constexpr std::array<std::string_view, kMostSeries> kColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                               "#e69f00", "#56b4e9", "#8a7a00", "#777777"};

/// From values to places.
struct Scale {
  bool logarithmic;
  double low, high;
  double from, to;

  double at(double value) const {
    const double v = logarithmic ? std::log10(value) : value;
    const double share = high == low ? 0.5 : (v - low) / (high - low);
    return from + share * (to - from);
  }
};

bool drawable(const Chart& chart, const std::pair<double, double>& point) {
  return std::isfinite(point.first) && std::isfinite(point.second) &&
         (!chart.x.logarithmic || point.first > 0) && (!chart.y.logarithmic || point.second > 0);
}

Scale scale_of(const Axis& axis, double low, double high, double from, double to) {
  if (axis.logarithmic) return {true, std::log10(low), std::log10(high), from, to};
  return {false, low, high, from, to};
}

/// 1, 2, 5 and their tenfolds; only the tenfolds over a wide range.
std::vector<double> ticks_of(const Axis& axis, double low, double high) {
  std::vector<double> ticks;
  if (!axis.ticks.empty()) {
    for (const double tick : axis.ticks)
      if (tick >= low && tick <= high) ticks.push_back(tick);
    return ticks;
  }
  if (axis.logarithmic) {
    const bool wide = high / low > 3e3;
    const int last = static_cast<int>(std::floor(std::log10(high * 1.0001)));
    for (int power = static_cast<int>(std::floor(std::log10(low))); power <= last; ++power) {
      const double decade = std::pow(10, power);
      for (const double step : {1.0, 2.0, 5.0})
        if ((step == 1 || !wide) && decade * step >= low * 0.9999 && decade * step <= high * 1.0001)
          ticks.push_back(decade * step);
    }
    return ticks;
  }
  double step = std::pow(10, std::floor(std::log10(std::max(high - low, 1e-12))));
  while ((high - low) / step < 4) step /= 2;
  const double first = std::ceil(low / step);
  const int count = static_cast<int>(std::floor(high * 1.0001 / step - first)) + 1;
  for (int n = 0; n < count; ++n) ticks.push_back((first + n) * step);
  return ticks;
}

}  // namespace

std::string_view color_of(std::size_t n) {
  return kColors[n % kMostSeries];
}

std::string escaped(std::string_view text) {
  std::string all;
  for (const char c : text) {
    switch (c) {
      case '<':
        all += "&lt;";
        break;
      case '>':
        all += "&gt;";
        break;
      case '&':
        all += "&amp;";
        break;
      case '"':
        all += "&quot;";
        break;
      case '\'':
        all += "&#39;";
        break;
      default:
        all += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return all;
}

std::string svg(const Chart& chart) {
  double x0 = std::numeric_limits<double>::max(), x1 = -x0, y0 = x0, y1 = -x0;
  for (const Series& series : chart.series) {
    for (const auto& point : series.points) {
      if (!drawable(chart, point)) continue;
      x0 = std::min(x0, point.first);
      x1 = std::max(x1, point.first);
      y0 = std::min(y0, point.second);
      y1 = std::max(y1, point.second);
    }
  }
  if (x0 > x1) return "";
  if (chart.y.logarithmic) {
    y0 /= 1.15;
    y1 *= 1.15;
  } else {
    y0 = std::min(0.0, y0);
    y1 = y1 <= 0 ? 1 : y1 * 1.05;
  }
  const Scale x = scale_of(chart.x, x0, x1, kLeft, kWidth - kRight);
  const Scale y = scale_of(chart.y, y0, y1, kHeight - kBottom, kTop);
  std::string all = fmt::format(
      "<figure><figcaption>{}</figcaption>\n<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n",
      escaped(chart.title), kWidth, kHeight, escaped(chart.title));
  for (const double tick : ticks_of(chart.x, x0, x1))
    all += fmt::format(
        "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
        x.at(tick), kTop, kHeight - kBottom, kHeight - kBottom + 16, escaped(chart.x.words(tick)));
  for (const double tick : ticks_of(chart.y, y0, y1))
    all += fmt::format(
        "<line class=\"grid\" y1=\"{0:.1f}\" y2=\"{0:.1f}\" x1=\"{1}\" x2=\"{2}\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
        y.at(tick), kLeft, kWidth - kRight, kLeft - 6, y.at(tick) + 4, escaped(chart.y.words(tick)));
  all += fmt::format("<text class=\"label\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                     (kLeft + kWidth - kRight) / 2, kHeight - 8, escaped(chart.x.label));
  all += fmt::format(
      "<text class=\"label\" transform=\"translate(13 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
      (kTop + kHeight - kBottom) / 2, escaped(chart.y.label));
  std::string legend;
  for (std::size_t n = 0; n < chart.series.size(); ++n) {
    const Series& series = chart.series[n];
    const auto color = color_of(n);
    std::string path, dots;
    std::size_t count = 0;
    for (const auto& point : series.points) {
      if (!drawable(chart, point)) continue;
      const double px = x.at(point.first), py = y.at(point.second);
      path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "" : " ", px, py);
      ++count;
      if (series.points.size() <= 40)
        dots += fmt::format(
            "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{}: {} at {}</title></circle>",
            px, py, color, escaped(series.name), escaped(chart.y.words(point.second)),
            escaped(chart.x.words(point.first)));
    }
    if (count == 0) continue;
    all += fmt::format(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" "
        "stroke-width=\"2\"><title>{}</title></polyline>{}\n",
        path, color, escaped(series.name), dots);
    legend += fmt::format("<span><i style=\"background:{}\"></i>{}</span> ", color, escaped(series.name));
  }
  return all + "</svg>\n<div class=\"legend\">" + legend + "</div></figure>\n";
}

}  // namespace hawser::bench
