// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a party reports about its traffic, one console line a row, and the table or JSON made of it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::launch {

/// A line `HAWSER-ROW device=blk0 op=write bytes=1048576 ops=256 ns=... doorbells=... interrupts=... verified=yes`, keys in
/// any order, optionally ending in `note=` with free text to the end of the line.
struct Row {
  std::string device;
  std::string operation;
  std::uint64_t bytes = 0;
  std::uint64_t operations = 0;
  std::uint64_t ns = 0;
  std::uint64_t doorbells = 0;
  std::uint64_t interrupts = 0;
  bool verified = false;
  std::string note;

  double operations_per_second() const {
    return ns == 0 ? 0 : static_cast<double>(operations) * 1e9 / static_cast<double>(ns);
  }
};

/// Nothing if the line is not a row. A line that begins like a row but is malformed becomes an unverified row whose note
/// says what is wrong, so that it is never lost.
std::optional<Row> parse_row(std::string_view line);

/// The line that parse_row() reads.
std::string format_row(const Row& row);

/// The status of a line `HAWSER-END status=N`.
std::optional<int> parse_end(std::string_view line);

/// Columns aligned for a terminal, header first.
std::string table(const std::vector<Row>& rows);

void to_json(nlohmann::json& json, const Row& row);

}  // namespace hawser::launch
