// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/party.hpp>
#include <hawser/launch/report.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace hawser::launch {
namespace {

/// Not the line that says that it ends, nor where help is.
bool tells(std::string_view line) {
  return !line.empty() && !parse_end(line) && !line.starts_with("See: ");
}

}  // namespace

Party::Party(std::string name, std::vector<std::string> command, const std::filesystem::path& log_directory,
             Returns returns)
    : name_(std::move(name)),
      command_(std::move(command)),
      log_path_(log_directory / (name_ + ".log")),
      returns_(returns) {}

void Party::start() {
  if (!log_.is_open()) log_.open(log_path_);
  if (!log_) throw std::runtime_error(fmt::format("can't write the log file {}", log_path_.string()));
  log_ << "$";
  for (const auto& word : command_) log_ << ' ' << word;
  log_ << '\n' << std::flush;
  partial_.clear();
  child_ = Child(command_);
  ++starts_;
}

void Party::read_lines(const LineHandler& handler) {
  std::array<char, 16384> bytes;
  while (child_.output_fd() >= 0) {
    const ssize_t got = ::read(child_.output_fd(), bytes.data(), bytes.size());
    if (got == 0) child_.close_output();
    if (got <= 0) break;
    log_.write(bytes.data(), got);
    for (const char c : std::string_view(bytes.data(), static_cast<std::size_t>(got))) {
      if (c == '\r' && returns_ == Returns::kDropped) continue;
      if (c != '\n') partial_ += c;
      if (c == '\n' || partial_.size() >= kLongestLine) {
        handler(*this, partial_);
        if (tells(partial_)) last_line_ = std::move(partial_);
        partial_.clear();
      }
    }
  }
  log_.flush();
}

}  // namespace hawser::launch
