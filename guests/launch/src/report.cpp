// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace hawser::launch {
namespace {

constexpr std::string_view kRow = "HAWSER-ROW ";
constexpr std::string_view kEnd = "HAWSER-END status=";

bool parse_number(std::string_view text, std::uint64_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size();
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes >= 10u << 20) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
  if (bytes >= 10u << 10) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / (1 << 10));
  return fmt::format("{} B", bytes);
}

}  // namespace

std::optional<Row> parse_row(std::string_view line) {
  if (!line.starts_with(kRow)) return std::nullopt;
  Row row;
  std::string_view rest = line.substr(kRow.size());
  std::string wrong;
  bool said_verified = false;
  while (!rest.empty()) {
    if (rest.front() == ' ') {
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos || rest.find(' ') < equals) {
      wrong = fmt::format("'{}' is not key=value", rest.substr(0, rest.find(' ')));
      break;
    }
    const std::string_view key = rest.substr(0, equals);
    rest.remove_prefix(equals + 1);
    const std::string_view value = key == "note" ? rest : rest.substr(0, rest.find(' '));
    rest.remove_prefix(value.size());

    bool good = true;
    if (key == "device")
      row.device = value;
    else if (key == "op")
      row.operation = value;
    else if (key == "bytes")
      good = parse_number(value, row.bytes);
    else if (key == "ops")
      good = parse_number(value, row.operations);
    else if (key == "ns")
      good = parse_number(value, row.ns);
    else if (key == "doorbells")
      good = parse_number(value, row.doorbells);
    else if (key == "interrupts")
      good = parse_number(value, row.interrupts);
    else if (key == "note")
      row.note = value;
    else if (key == "verified") {
      good = value == "yes" || value == "no";
      row.verified = value == "yes";
      said_verified = true;
    }
    if (!good) wrong = fmt::format("{}={} is not a value for it", key, value);
  }
  if (wrong.empty() && (row.device.empty() || row.operation.empty() || !said_verified))
    wrong = "a key is missing";
  if (!wrong.empty()) {
    row.verified = false;
    row.note = fmt::format("malformed row: {}", wrong);
  }
  return row;
}

std::string format_row(const Row& row) {
  return fmt::format("{}device={} op={} bytes={} ops={} ns={} doorbells={} interrupts={} verified={}{}{}",
                     kRow, row.device, row.operation, row.bytes, row.operations, row.ns, row.doorbells,
                     row.interrupts, row.verified ? "yes" : "no", row.note.empty() ? "" : " note=", row.note);
}

std::optional<int> parse_end(std::string_view line) {
  if (!line.starts_with(kEnd)) return std::nullopt;
  std::uint64_t status = 0;
  if (!parse_number(line.substr(kEnd.size()), status) || status > 255) return 255;
  return static_cast<int>(status);
}

std::string table(const std::vector<Row>& rows) {
  constexpr std::size_t kColumns = 7;
  std::vector<std::array<std::string, kColumns>> cells = {
      {"device", "operation", "bytes", "operations/s", "doorbells", "interrupts", "verified"}};
  for (const Row& row : rows) {
    cells.push_back({row.device, row.operation, bytes_text(row.bytes),
                     fmt::format("{:.0f}", row.operations_per_second()), fmt::format("{}", row.doorbells),
                     fmt::format("{}", row.interrupts),
                     row.note.empty() ? (row.verified ? "yes" : "NO")
                                      : fmt::format("{} ({})", row.verified ? "yes" : "NO", row.note)});
  }
  std::array<std::size_t, kColumns> width{};
  for (const auto& line : cells) {
    for (std::size_t n = 0; n < kColumns; ++n) width[n] = std::max(width[n], line[n].size());
  }
  std::string out;
  for (std::size_t at = 0; at < cells.size(); ++at) {
    const auto& line = cells[at];
    out += fmt::format("{:<{}}  {:<{}}  {:>{}}  {:>{}}  {:>{}}  {:>{}}  {}\n", line[0], width[0], line[1],
                       width[1], line[2], width[2], line[3], width[3], line[4], width[4], line[5], width[5],
                       line[6]);
    if (at == 0) {
      std::size_t total = 12;
      for (std::size_t n = 0; n + 1 < kColumns; ++n) total += width[n];
      out += std::string(total + line[6].size(), '-') + '\n';
    }
  }
  return out;
}

void to_json(nlohmann::json& json, const Row& row) {
  json = {{"device", row.device},
          {"operation", row.operation},
          {"bytes", row.bytes},
          {"operations", row.operations},
          {"ns", row.ns},
          {"operations_per_second", row.operations_per_second()},
          {"doorbells", row.doorbells},
          {"interrupts", row.interrupts},
          {"verified", row.verified}};
  if (!row.note.empty()) json["note"] = row.note;
}

}  // namespace hawser::launch
