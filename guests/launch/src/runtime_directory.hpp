// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A private directory for sockets, removed with everything in it when the object goes. A process that is killed can not do
// that: its directory, in which a file is locked as long as it lives, is removed by the next one.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
    std::error_code error;
    if (base == nullptr || !std::filesystem::is_directory(base, error)) base = "/tmp";
    sweep(base);
    for (int tries = 0; tries < kTries; ++tries) {  // somebody may sweep it away before it is locked
      std::string pattern = fmt::format("{}/{}XXXXXX", base, kPrefix);
      if (::mkdtemp(pattern.data()) == nullptr) {  // mode 0700
        throw std::runtime_error(fmt::format("can't make a directory in {}: {}", base, ::strerror(errno)));
      }
      path_ = pattern;
      lock_ = lock(path_, O_CREAT);
      if (lock_) return;
      const int why = errno;
      ::unlink((path_ / "lock").c_str());
      ::rmdir(path_.c_str());
      errno = why;
    }
    throw std::runtime_error(
        fmt::format("can't lock a file of one's own in {}: {}", base, ::strerror(errno)));
  }
  ~RuntimeDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  RuntimeDirectory(const RuntimeDirectory&) = delete;
  RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  static constexpr std::string_view kPrefix = "hawser-run-";
  static constexpr int kTries = 8;

  /// Nothing, and why not in errno, if somebody else has it locked, or if it is not there (any more), or not ours.
  static ivshmem::UniqueFd lock(const std::filesystem::path& directory, int create = 0) {
    ivshmem::UniqueFd fd(
        ::open((directory / "lock").c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | create, 0600));
    struct stat at {};
    if (!fd || ::flock(fd.raw(), LOCK_EX | LOCK_NB) != 0 || ::fstat(fd.raw(), &at) != 0) return {};
    if (at.st_nlink != 0 && at.st_uid == ::geteuid()) return fd;
    errno = at.st_nlink == 0 ? ENOENT : EPERM;  // EPERM: the file system makes files somebody else's
    return {};
  }

  static void sweep(const std::filesystem::path& base) {
    std::error_code error;
    for (std::filesystem::directory_iterator it(base, error), end; !error && it != end; it.increment(error)) {
      if (!it->path().filename().string().starts_with(kPrefix)) continue;
      std::error_code ignored;
      if (lock(it->path())) std::filesystem::remove_all(it->path(), ignored);
    }
  }

  std::filesystem::path path_;
  ivshmem::UniqueFd lock_;
};

}  // namespace hawser::launch
