// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Fields of JSON that somebody else wrote: there, of the right kind, of a bearable size; or one sentence.
#pragma once

#include <hawser/bench/events.hpp>

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace hawser::bench::fields {

inline constexpr std::size_t kLongestText = 8192;
inline constexpr std::size_t kMostSamples = 100'000;

inline const Json& object(const Json& json, const char* what) {
  if (!json.is_object()) throw Malformed(fmt::format("{} is not an object", what));
  return json;
}

inline const Json* find(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at == json.end() || at->is_null() ? nullptr : &*at;
}

inline std::string text_of(const Json& json, const char* key) {
  if (!json.is_string()) throw Malformed(fmt::format("\"{}\" is not text", key));
  auto text = json.get<std::string>();
  if (text.size() > kLongestText)
    throw Malformed(fmt::format("\"{}\" has {} bytes; {} at most", key, text.size(), kLongestText));
  for (char& c : text)  // it will be shown on a terminal
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

inline double number_of(const Json& json, const char* key) {
  if (!json.is_number()) throw Malformed(fmt::format("\"{}\" is not a number", key));
  const auto number = json.get<double>();
  if (!std::isfinite(number)) throw Malformed(fmt::format("\"{}\" is not a finite number", key));
  return number;
}

inline std::string text(const Json& json, const char* key) {
  const Json* at = find(json, key);
  if (at == nullptr) throw Malformed(fmt::format("\"{}\" is missing", key));
  return text_of(*at, key);
}
inline std::string text_or(const Json& json, const char* key, std::string otherwise) {
  const Json* at = find(json, key);
  return at == nullptr ? std::move(otherwise) : text_of(*at, key);
}
inline double number(const Json& json, const char* key) {
  const Json* at = find(json, key);
  if (at == nullptr) throw Malformed(fmt::format("\"{}\" is missing", key));
  return number_of(*at, key);
}
inline double number_or(const Json& json, const char* key, double otherwise) {
  const Json* at = find(json, key);
  return at == nullptr ? otherwise : number_of(*at, key);
}
inline unsigned count(const Json& json, const char* key) {
  const double value = number_or(json, key, 0);
  if (value < 0 || value > 1e9) throw Malformed(fmt::format("\"{}\" is {}; expected 0 to 10^9", key, value));
  return static_cast<unsigned>(value);
}
inline bool truth(const Json& json, const char* key) {
  const Json* at = find(json, key);
  if (at == nullptr) return false;
  if (!at->is_boolean()) throw Malformed(fmt::format("\"{}\" is neither true nor false", key));
  return at->get<bool>();
}
inline const Json& list(const Json& json, const char* key, std::size_t most = kMostSamples) {
  static const Json kNone = Json::array();
  const Json* at = find(json, key);
  if (at == nullptr) return kNone;
  if (!at->is_array()) throw Malformed(fmt::format("\"{}\" is not a list", key));
  if (at->size() > most)
    throw Malformed(fmt::format("\"{}\" has {} entries; {} at most", key, at->size(), most));
  return *at;
}

}  // namespace hawser::bench::fields
