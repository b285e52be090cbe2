// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A private directory for sockets, removed with everything in it when the object goes.
#pragma once

#include <fmt/format.h>
#include <stdlib.h>
#include <string.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace hawser::launch {

class RuntimeDirectory {
 public:
  RuntimeDirectory() {
    const char* base = ::getenv("XDG_RUNTIME_DIR");
    if (base == nullptr || !std::filesystem::is_directory(base)) base = "/tmp";
    std::string pattern = fmt::format("{}/hawser-XXXXXX", base);
    if (::mkdtemp(pattern.data()) == nullptr) {  // mode 0700
      throw std::runtime_error(fmt::format("can't make a directory in {}: {}", base, ::strerror(errno)));
    }
    path_ = pattern;
  }
  ~RuntimeDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  RuntimeDirectory(const RuntimeDirectory&) = delete;
  RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace hawser::launch
