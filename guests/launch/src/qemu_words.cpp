// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "qemu_words.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace hawser::launch {

std::string option_value(const std::string& value) {
  std::string out;
  for (char c : value) {
    if (c == '\n')
      throw std::runtime_error(
          fmt::format("'{}' contains a newline, which QEMU options can not express", value));
    out += c;
    if (c == ',') out += c;
  }
  return out;
}

std::string one_line(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    if (word.find_first_of(" \n\t") != std::string::npos) {
      throw std::runtime_error(
          fmt::format("the guest argument '{}' contains a space; write it without", word));
    }
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

}  // namespace hawser::launch
