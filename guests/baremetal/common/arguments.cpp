// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The command line, word by word. Nothing is copied: every value is a piece of the text.
#include <hawser/guest/arguments.hpp>
#include <hawser/guest/parameters.hpp>

#include <cstddef>

namespace hawser::guest {
namespace {

// The word that starts at or after `at`; moves `at` behind it. Empty at the end.
std::string_view next_word(std::string_view text, std::size_t& at) {
  while (at < text.size() && text[at] == ' ') ++at;
  const std::size_t start = at;
  while (at < text.size() && text[at] != ' ') ++at;
  return {text.data() + start, at - start};
}

// What comes before `end`, or all. (string_view's find() would want a memchr.)
std::string_view before(std::string_view text, char end) {
  std::size_t at = 0;
  while (at < text.size() && text[at] != end) ++at;
  return text.substr(0, at);
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

unsigned suffix_shift(char c) {
  switch (c) {
    case 'K':
      return 10;
    case 'M':
      return 20;
    case 'G':
      return 30;
    default:
      return 0;
  }
}

}  // namespace

std::optional<std::string_view> Arguments::value(std::string_view key) const {
  std::optional<std::string_view> found;
  std::size_t at = 0;
  for (auto word = next_word(text_, at); !word.empty(); word = next_word(text_, at)) {
    if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=') {
      found = std::string_view(word.data() + key.size() + 1, word.size() - key.size() - 1);
    }
  }
  return found;
}

bool Arguments::has(std::string_view key) const {
  std::size_t at = 0;
  for (auto word = next_word(text_, at); !word.empty(); word = next_word(text_, at)) {
    if (word == key) return true;
  }
  return false;
}

std::optional<std::uint64_t> Arguments::number(std::string_view key) const {
  const auto given = value(key);
  if (!given) return std::nullopt;
  std::string_view text = *given;
  unsigned base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  const unsigned shift = text.empty() ? 0 : suffix_shift(text.back());
  if (shift != 0) text.remove_suffix(1);
  if (text.empty()) return std::nullopt;

  std::uint64_t number = 0;
  for (const char c : text) {
    const auto d = static_cast<unsigned>(digit(c));
    if (d >= base || number > (UINT64_MAX - d) / base) return std::nullopt;
    number = number * base + d;
  }
  if (number > (UINT64_MAX >> shift)) return std::nullopt;
  return number << shift;
}

bool Parameter::accepts(std::string_view word) const {
  const Arguments one(word);
  if (choices.empty()) {
    const auto number = one.number(key);
    return number && *number >= least && *number <= most;
  }
  const auto value = one.value(key);
  if (!value) return false;
  for (std::string_view rest = choices;;) {
    const std::string_view choice = before(rest, '|');
    if (choice == *value) return true;
    if (choice.size() == rest.size()) return false;
    rest.remove_prefix(choice.size() + 1);
  }
}

std::optional<WrongArgument> find_wrong(const Arguments& arguments, std::span<const Parameter> parameters) {
  std::size_t at = 0;
  for (auto word = next_word(arguments.text(), at); !word.empty(); word = next_word(arguments.text(), at)) {
    const Parameter* found = nullptr;
    for (const Parameter& parameter : parameters) {
      if (parameter.key == before(word, '=')) found = &parameter;
    }
    if (found == nullptr || !found->accepts(word)) return WrongArgument{word, found};
  }
  return std::nullopt;
}

}  // namespace hawser::guest
