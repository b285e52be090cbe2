// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "words.hpp"

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace hawser::process {

Words::Words(std::string_view text) {
  std::vector<std::string> pieces(1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != ',') {
      pieces.back() += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == ',') {
      pieces.back() += text[at++];
    } else {
      pieces.emplace_back();
    }
  }
  first_ = pieces.front();
  for (std::size_t n = 1; n < pieces.size(); ++n) {
    const std::string& piece = pieces[n];
    const std::size_t equals = piece.find('=');
    Word word{.text = piece, .key = piece.substr(0, equals), .value = std::nullopt};
    if (equals != std::string::npos) word.value = piece.substr(equals + 1);
    rest_.push_back(std::move(word));
  }
}

void Words::once(std::initializer_list<std::string_view> several) const {
  for (auto word = rest_.begin(); word != rest_.end(); ++word) {
    if (word->key.empty())
      throw std::invalid_argument(
          fmt::format("'{}': there is an option without a name after a comma", first_));
    if (std::find(several.begin(), several.end(), word->key) != several.end()) continue;
    const auto same = [&](const Word& other) { return other.key == word->key; };
    if (std::any_of(rest_.begin(), word, same))
      throw std::invalid_argument(fmt::format("'{}': {} was already given", word->text, word->key));
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

std::uint64_t Word::size(std::uint64_t least, std::uint64_t most) const {
  std::uint64_t out = 0;
  bool good = true;
  try {
    out = ivshmem::parse_size(value.value_or(""));
  } catch (const ivshmem::Error&) {
    good = false;
  }
  if (!good || out < least || out > most) {
    throw std::invalid_argument(fmt::format("'{}': {} must be a size from {} to {}, such as 64M", text, key,
                                            ivshmem::format_size(least), ivshmem::format_size(most)));
  }
  return out;
}

const std::string& Word::string() const {
  if (!value || value->empty())
    throw std::invalid_argument(fmt::format("'{}': {} needs a value, as in {}=...", text, key, key));
  return *value;
}

}  // namespace hawser::process
