// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/xen_console.hpp>

#include <charconv>
#include <utility>

namespace hawser::launch {
namespace {

constexpr std::string_view kXen = "(XEN) ";
constexpr std::string_view kDomain = "DOM";

bool cut_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool cut_return(std::string_view& text) {
  if (!text.ends_with('\r')) return false;
  text.remove_suffix(1);
  return true;
}

/// The number of "DOM1: ", cut off together with it.
std::optional<unsigned> cut_domain(std::string_view& text) {
  std::string_view rest = text;
  unsigned number = 0;
  if (!cut_prefix(rest, kDomain)) return std::nullopt;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (!cut_prefix(rest, ": ")) return std::nullopt;
  text = rest;
  return number;
}

}  // namespace

std::optional<XenLine> XenConsole::take(std::string_view line) {
  cut_return(line);
  const bool from_xen = cut_prefix(line, kXen);
  const auto domain = from_xen ? cut_domain(line) : std::nullopt;
  if (!domain) return XenLine{std::nullopt, std::string(line)};

  const bool whole = cut_return(line);
  std::string& partial = partial_[*domain];
  partial += line;
  if (!whole && partial.size() < kLongestLine) return std::nullopt;
  return XenLine{domain, std::exchange(partial, {})};
}

}  // namespace hawser::launch
