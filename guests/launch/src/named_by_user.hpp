// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Files and folders that the user named, checked before anything starts: each that will not do is one sentence that says
// what would.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace hawser::launch {

/// Makes the folder for logs, and sees that files can be written there. What another run left there would be mistaken
/// for this one's.
inline void make_log_folder(const std::filesystem::path& folder) {
  const auto refuse = [&](const std::string& why) {
    throw std::runtime_error(
        fmt::format("no logs can be kept in {}: {}; name a folder that can be written with --logs",
                    folder.string(), why));
  };
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) refuse(error.message());
  if (!std::filesystem::is_directory(folder, error)) refuse("it is not a folder");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) refuse(std::generic_category().message(errno));
  for (const char* old : {"driver.log", "device.log", "broker.log", "stranger.log", "xen.log", "xen.dtb"})
    std::filesystem::remove(folder / old, error);
}

/// The size of a file that is to be the disk. `lent`: to a guest, as memory.
inline std::uint64_t check_disk(const std::filesystem::path& disk, bool lent) {
  const auto refuse = [&](const std::string& why) {
    throw std::runtime_error(
        fmt::format("{} can't be the disk: {}; make one with: truncate -s 32M disk.img", disk.string(), why));
  };
  std::error_code error;
  const auto status = std::filesystem::status(disk, error);
  if (error) refuse(error.message());
  if (status.type() == std::filesystem::file_type::block && !lent)
    return 0;  // the process that serves it will look
  if (!std::filesystem::is_regular_file(status))
    refuse(lent ? "a guest is lent a regular file" : "it is no file");
  const std::uint64_t bytes = std::filesystem::file_size(disk, error);
  if (error) refuse(error.message());
  if (::access(disk.c_str(), R_OK | W_OK) != 0) refuse(std::generic_category().message(errno));
  if (lent && (bytes < 4096 || (bytes & (bytes - 1)) != 0))
    refuse(fmt::format("it has {} bytes, and a guest is lent a power of two, at least 4096", bytes));
  return bytes;
}

/// A file that a guest is to have in its memory from the start, and to serve from there.
inline void check_initrd(const std::filesystem::path& disk) {
  constexpr std::uint64_t kMost = 64u << 20;  // half of a guest's memory
  const auto refuse = [&](const std::string& why) {
    throw std::runtime_error(fmt::format("{} can't be the initrd: {}", disk.string(), why));
  };
  std::error_code error;
  const auto status = std::filesystem::status(disk, error);
  if (error) refuse(error.message());
  if (!std::filesystem::is_regular_file(status)) refuse("it is no regular file");
  const std::uint64_t bytes = std::filesystem::file_size(disk, error);
  if (error) refuse(error.message());
  if (::access(disk.c_str(), R_OK) != 0) refuse(std::generic_category().message(errno));
  if (bytes == 0 || bytes % 512 != 0 || bytes > kMost)
    refuse(fmt::format("it has {} bytes, and a guest takes whole sectors of 512 bytes, up to 64 MiB", bytes));
}

/// A disk that lasts as long as its folder.
inline void make_scratch_disk(const std::filesystem::path& disk, std::uint64_t bytes) {
  std::error_code error;
  if (std::ofstream(disk)) std::filesystem::resize_file(disk, bytes, error);
  if (error || !std::filesystem::exists(disk, error))
    throw std::runtime_error(fmt::format("the scratch disk {} can't be written: {}", disk.string(),
                                         error ? error.message() : "no such file"));
}

}  // namespace hawser::launch
