// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The text of JSON whose words others chose: paths, what other processes call their links.
#pragma once

#include <string>

namespace hawser::ivshmem {

/// Of an nlohmann::json or ordered_json. What is not UTF-8, as a path may be, becomes U+FFFD; dump() by itself throws there.
/// @param indent  as dump()'s: −1 is one line.
template <class Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hawser::ivshmem
