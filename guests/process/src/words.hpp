// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Command-line arguments of the form FIRST,key=value,key: how links and devices are written.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::process {

struct Word {
  std::string text;  ///< As written.
  std::string key;
  std::optional<std::string> value;

  /// The value as a number in [least, most]; throws std::invalid_argument with one sentence otherwise.
  std::uint64_t number(std::uint64_t least, std::uint64_t most) const;
  /// The same for a size with a unit: 32M.
  std::uint64_t size(std::uint64_t least, std::uint64_t most) const;
  /// The value; throws if there is none or it is empty.
  const std::string& string() const;
};

/// A comma that is written twice is part of a value.
class Words {
 public:
  explicit Words(std::string_view text);
  std::string_view first() const { return first_; }
  const std::vector<Word>& rest() const { return rest_; }
  /// Throws if a key appears twice, or is empty, unless it is one of `several`.
  void once(std::initializer_list<std::string_view> several = {}) const;

 private:
  std::string first_;
  std::vector<Word> rest_;
};

}  // namespace hawser::process
