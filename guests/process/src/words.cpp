// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "words.hpp"

#include <hawser/ivshmem/server/size.hpp>

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace hawser::process {

Words::Words(std::string_view text) {
  bool is_first = true;
  while (is_first || !text.empty()) {
    const std::string_view piece = text.substr(0, text.find(','));
    text.remove_prefix(piece.size() < text.size() ? piece.size() + 1 : piece.size());
    if (is_first) {
      first_ = piece;
      is_first = false;
      continue;
    }
    const std::size_t equals = piece.find('=');
    Word word{.text = std::string(piece), .key = std::string(piece.substr(0, equals)), .value = std::nullopt};
    if (equals != std::string_view::npos) word.value = std::string(piece.substr(equals + 1));
    rest_.push_back(std::move(word));
  }
}

std::uint64_t Word::number(std::uint64_t least, std::uint64_t most) const {
  std::uint64_t out = 0;
  const std::string digits = value.value_or("");
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || out < least ||
      out > most) {
    throw std::invalid_argument(
        fmt::format("'{}': {} must be a number from {} to {}", text, key, least, most));
  }
  return out;
}

std::uint64_t Word::size() const {
  return ivshmem::parse_size(string());
}

const std::string& Word::string() const {
  if (!value || value->empty())
    throw std::invalid_argument(fmt::format("'{}': {} needs a value, as in {}=...", text, key, key));
  return *value;
}

}  // namespace hawser::process
