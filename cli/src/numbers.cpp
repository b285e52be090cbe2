// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "numbers.hpp"

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

namespace hawser::cli {
namespace {

using ivshmem::format_size;

constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;

template <class Number>
std::optional<Number> all_of(std::string_view text) {
  Number number{};
  const char* const end = text.data() + text.size();
  // Neither a sign nor a blank nor "inf": from_chars() would take the first and the last for floating point.
  if (text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

CLI::Validator size_that(bool power_of_two, std::uint64_t least, std::uint64_t most) {
  const std::string range = fmt::format("{}from {} to {}", power_of_two ? "a power of two " : "",
                                        format_size(least), format_size(most));
  const auto check = [power_of_two, least, most, range](std::string& text) {
    std::optional<std::uint64_t> bytes;
    try {
      bytes = ivshmem::parse_size(text);
    } catch (const ivshmem::Error&) {
    }
    if (!bytes) return fmt::format("'{}' is not a size: write {}, such as 16M", text, range);
    if (*bytes < least || *bytes > most || (power_of_two && !std::has_single_bit(*bytes)))
      return fmt::format("'{}' is not {}", text, range);
    text = fmt::format("{}", *bytes);
    return std::string();
  };
  return CLI::Validator(check, range);
}

}  // namespace

CLI::Validator whole(std::uint64_t least, std::uint64_t most) {
  const std::string range = fmt::format("{} to {}", least, most);
  const auto check = [least, most, range](std::string& text) {
    const auto number = all_of<std::uint64_t>(text);
    if (!number || *number < least || *number > most)
      return fmt::format("'{}' is not a whole number from {}", text, range);
    text = fmt::format("{}", *number);  // 010 is ten, not the octal eight
    return std::string();
  };
  return CLI::Validator(check, range);
}

CLI::Validator size(std::uint64_t least, std::uint64_t most) {
  return size_that(false, least, most);
}

CLI::Validator window_size(std::uint64_t least, std::uint64_t most) {
  return size_that(true, least, most);
}

CLI::Validator socket_path() {
  const auto check = [](std::string& text) {
    if (!text.empty() && text.size() <= kLongestPath) return std::string();
    return fmt::format("the path of a socket has 1 to {} bytes, not {}", kLongestPath, text.size());
  };
  return CLI::Validator(check, "PATH");
}

CLI::Validator duration() {
  const auto check = [](std::string& text) {
    constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
        {"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}};
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = all_of<std::uint64_t>(std::string_view(text).substr(0, digits));
    for (const auto& [name, scale] : kUnits) {
      if (!number || digits > 9 || text.substr(digits) != name) continue;
      text = fmt::format("{}", *number * scale);
      return std::string();
    }
    return fmt::format("'{}' is no time: write 500us, 2ms or 1s", text);
  };
  return CLI::Validator(check, "TIME");
}

std::optional<double> decimal_seconds(std::string_view text, double most) {
  const auto number = all_of<double>(text);
  return number && *number <= most ? number : std::nullopt;
}

}  // namespace hawser::cli
