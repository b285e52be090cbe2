// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Writes a flattened device tree node by node.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

using Bytes = std::vector<std::byte>;

inline void put32(Bytes& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<std::byte>(value >> shift & 0xff));
}

class Builder {
 public:
  Builder& begin(const std::string& name) {
    put32(structure_, 1);
    for (const char c : name) structure_.push_back(static_cast<std::byte>(c));
    structure_.push_back({});
    pad();
    return *this;
  }
  Builder& end() {
    put32(structure_, 2);
    return *this;
  }
  Builder& bytes(const std::string& name, const Bytes& value) {
    put32(structure_, 3);
    put32(structure_, static_cast<std::uint32_t>(value.size()));
    put32(structure_, static_cast<std::uint32_t>(strings_.size()));
    for (const char c : name) strings_.push_back(static_cast<std::byte>(c));
    strings_.push_back({});
    structure_.insert(structure_.end(), value.begin(), value.end());
    pad();
    return *this;
  }
  Builder& text(const std::string& name, const std::string& value) {
    Bytes raw;
    for (const char c : value) raw.push_back(static_cast<std::byte>(c));
    raw.push_back({});
    return bytes(name, raw);
  }
  Builder& cells(const std::string& name, std::initializer_list<std::uint32_t> values) {
    Bytes raw;
    for (const auto value : values) put32(raw, value);
    return bytes(name, raw);
  }
  Builder& nop() {
    put32(structure_, 4);
    return *this;
  }
  /// Whichever block comes last ends the blob: the other order is needed to see a reader step over either's end.
  Bytes finish(bool strings_last = true) {
    put32(structure_, 9);
    const std::uint32_t first = 40 + 16;
    const auto structure_at =
        strings_last ? first : first + static_cast<std::uint32_t>((strings_.size() + 3) / 4 * 4);
    const auto strings_at = strings_last ? first + static_cast<std::uint32_t>(structure_.size()) : first;
    const auto strings_size = static_cast<std::uint32_t>(strings_.size());
    const auto structure_size = static_cast<std::uint32_t>(structure_.size());
    const auto size = strings_last ? strings_at + strings_size : structure_at + structure_size;
    Bytes blob;
    for (const std::uint32_t field :
         {0xd00dfeedu, size, structure_at, strings_at, 40u, 17u, 16u, 0u, strings_size, structure_size}) {
      put32(blob, field);
    }
    blob.resize(size);
    std::copy(structure_.begin(), structure_.end(), blob.begin() + structure_at);
    std::copy(strings_.begin(), strings_.end(), blob.begin() + strings_at);
    return blob;
  }

 private:
  void pad() { structure_.resize((structure_.size() + 3) / 4 * 4); }

  Bytes structure_;
  Bytes strings_;
};
