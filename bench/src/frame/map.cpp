// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/chart.hpp>
#include <hawser/bench/map.hpp>
#include <hawser/bench/statistics.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace hawser::bench {
namespace {

using Params = std::map<std::string, Parameter>;

char letter(std::size_t link) {
  return static_cast<char>('A' + link);
}

const double* number(const Params& params, const std::string& key) {
  const auto at = params.find(key);
  return at == params.end() ? nullptr : std::get_if<double>(&at->second);
}

std::string all_in_words(const Params& params) {
  std::string words;
  for (const auto& [key, value] : params) {
    words += (words.empty() ? std::string() : ", ") + in_words(key, value);
  }
  return words;
}

/// Ratios of what is to be compared, to the best.
void rank(std::vector<Map::Place>& places, Better better) {
  // Until here the ratio is the value.
  std::sort(places.begin(), places.end(), [better](const Map::Place& a, const Map::Place& b) {
    return better == Better::kLower ? a.ratio < b.ratio : a.ratio > b.ratio;
  });
  const double best = places.front().ratio;
  for (Map::Place& place : places)
    place.ratio = better == Better::kLower ? place.ratio / best : best / place.ratio;
}

std::set<double> depths_of(const Map& map) {
  std::set<double> depths;
  for (const auto& [payload, row] : map.payloads)
    for (const auto& [depth, places] : row) depths.insert(depth);
  return depths;
}

std::string legend(const Map& map) {
  std::string words;
  for (std::size_t n = 0; n < map.links.size(); ++n)
    words += fmt::format("{}{} {}", n == 0 ? "" : ", ", letter(n), map.links[n]);
  return words;
}

}  // namespace

std::vector<Map> maps(const SuiteResult& suite) {
  struct Group {
    Map map;
    Better better = Better::kLower;
  };
  std::map<std::pair<std::string, Params>, Group> groups;
  std::vector<std::pair<std::string, Params>> order;
  for (const Figure& figure : suite.figures) {
    const double* const payload = number(figure.params, "payload");
    const double* const depth = number(figure.params, "depth");
    const auto link = figure.params.find("link");
    if (payload == nullptr || depth == nullptr || link == figure.params.end() || figure.samples.empty())
      continue;
    const auto* const name = std::get_if<std::string>(&link->second);
    const double value = median(figure.samples);
    if (name == nullptr || !(value > 0)) continue;
    Params rest = figure.params;
    for (const char* key : {"payload", "depth", "link"}) rest.erase(key);
    const std::pair<std::string, Params> key{figure.unit, rest};
    if (!groups.contains(key)) order.push_back(key);
    Group& group = groups[key];
    group.better = figure.better;
    auto& links = group.map.links;
    const auto at = static_cast<std::size_t>(std::find(links.begin(), links.end(), *name) - links.begin());
    if (at == links.size()) links.push_back(*name);
    group.map.payloads[*payload][*depth].push_back({at, value});
  }
  std::vector<Map> all;
  for (const auto& key : order) {
    Group& group = groups[key];
    if (group.map.links.size() < 2 || group.map.payloads.size() < 2 || depths_of(group.map).size() < 2)
      continue;
    for (auto& [payload, row] : group.map.payloads)
      for (auto& [depth, places] : row) rank(places, group.better);
    group.map.title = key.second.empty() ? suite.name : all_in_words(key.second);
    all.push_back(std::move(group.map));
  }
  return all;
}

std::string in_text(const Map& map) {
  constexpr std::size_t kColumn = 26;
  std::string all = fmt::format("{}: {}\n", map.title, legend(map));
  all += fmt::format("  {:>8}", "");
  for (const double depth : depths_of(map))
    all += fmt::format("  {:<{}}", fmt::format("depth {:g}", depth), kColumn);
  all.erase(all.find_last_not_of(' ') + 1);
  all += '\n';
  for (const auto& [payload, row] : map.payloads) {
    std::string line = fmt::format("  {:>8}", bytes_in_words(payload));
    for (const double depth : depths_of(map)) {
      std::string cell;
      if (const auto at = row.find(depth); at != row.end())
        for (const Map::Place& place : at->second)
          cell += cell.empty() ? fmt::format("{}", letter(place.link))
                               : fmt::format("  {} {}", letter(place.link), short_number(place.ratio));
      line += fmt::format("  {:<{}}", cell, kColumn);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    all += line + '\n';
  }
  return all;
}

std::string in_html(const Map& map) {
  std::string all =
      fmt::format("<figure><figcaption>{}: which is best</figcaption>\n<table class=\"map\">\n<tr><th></th>",
                  escaped(map.title));
  for (const double depth : depths_of(map)) all += fmt::format("<th>depth {:g}</th>", depth);
  all += "</tr>\n";
  for (const auto& [payload, row] : map.payloads) {
    all += "<tr><th>" + bytes_in_words(payload) + "</th>";
    for (const double depth : depths_of(map)) {
      const auto at = row.find(depth);
      if (at == row.end()) {
        all += "<td></td>";
        continue;
      }
      const Map::Place& best = at->second.front();
      // The clearer the lead, the stronger the color.
      const double lead = at->second.size() < 2 ? 1 : at->second[1].ratio;
      const unsigned strength = lead < 1.05 ? 0x18 : lead < 1.5 ? 0x40 : lead < 3 ? 0x70 : 0xa0;
      all += fmt::format("<td style=\"background:{}{:02x}\"><b>{}</b>", color_of(best.link), strength,
                         letter(best.link));
      for (std::size_t n = 1; n < at->second.size(); ++n)
        all += fmt::format(" <small>{} {}</small>", letter(at->second[n].link),
                           short_number(at->second[n].ratio));
      all += "</td>";
    }
    all += "</tr>\n";
  }
  all += "</table>\n<div class=\"legend\">";
  for (std::size_t n = 0; n < map.links.size(); ++n)
    all += fmt::format("<span><i style=\"background:{}\"></i>{} {}</span> ", color_of(n), letter(n),
                       escaped(map.links[n]));
  return all + "<span>the best, and how many times worse the others are</span></div></figure>\n";
}

}  // namespace hawser::bench
