// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "listener.hpp"

#include <hawser/ivshmem/server/error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <thread>

namespace hawser::ivshmem {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) throw Error("the path of the socket is empty");
  if (path.size() >= sizeof address.sun_path) {
    Error::raise("the socket path {} is too long: Linux allows {} bytes, this has {}", path,
                 sizeof address.sun_path - 1, path.size());
  }
  path.copy(address.sun_path, path.size());
  return address;
}

/// Two servers that start at once must not both find the file stale: one would remove the other's socket.
/// Held only from the check to listen().
UniqueFd lock_directory(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::string directory = parent.empty() ? "." : parent.string();
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) {
    Error::raise("the directory {} for the socket {} does not exist", directory, path);
  }
  if (!fd) Error::raise("the directory {} for the socket {}: {}", directory, path, system_words(errno));
  for (int tries = 0; ::flock(fd.raw(), LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (tries == 200) Error::raise("the directory {} stays locked by another process", directory);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return fd;
}

/// Leaves nothing at `path`, or throws.
void clear_the_way(const std::string& path, const sockaddr_un& address) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) return;
    Error::raise("the socket {}: {}", path, system_words(errno));
  }
  if (!S_ISSOCK(st.st_mode)) Error::raise("{} exists and is not a socket: it was left alone", path);
  UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) Error::raise("no socket: {}", system_words(errno));
  const int result = ::connect(probe.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result == 0 || errno == EAGAIN) Error::raise("another server already listens on {}", path);
  if (errno != ECONNREFUSED) {
    Error::raise("the socket {} exists and cannot be tried: {}", path, system_words(errno));
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    Error::raise("the stale socket {} cannot be removed: {}", path, system_words(errno));
  }
}

}  // namespace

Listener::Listener(std::string path, mode_t mode, std::optional<gid_t> group) : path_(std::move(path)) {
  const sockaddr_un address = address_of(path_);
  const UniqueFd lock = lock_directory(path_);
  clear_the_way(path_, address);
  fd_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Linux makes the file with the mode that the socket has before it is bound: it is never open to others.
  if (!fd_ || ::fchmod(fd_.raw(), 0600) != 0 ||
      ::bind(fd_.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Error::raise("the socket {} cannot be made: {}", path_, system_words(errno));
  }
  made_ = UniqueFd(::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  try {
    if (!made_) Error::raise("the socket {} vanished while it was made: {}", path_, system_words(errno));
    give_rights(mode, group);
    if (::listen(fd_.raw(), SOMAXCONN) != 0) {
      Error::raise("nobody can listen on {}: {}", path_, system_words(errno));
    }
  } catch (...) {
    ::unlink(path_.c_str());
    throw;
  }
}

Listener::Listener(std::string path, UniqueFd inherited) : path_(std::move(path)), fd_(std::move(inherited)) {
  ::fcntl(fd_.raw(), F_SETFL, ::fcntl(fd_.raw(), F_GETFL) | O_NONBLOCK);
}

Listener::~Listener() {
  struct stat ours {
  }, there{};
  if (!made_ || ::fstat(made_.raw(), &ours) != 0 || ::lstat(path_.c_str(), &there) != 0) return;
  if (ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) ::unlink(path_.c_str());
}

void Listener::give_rights(mode_t mode, std::optional<gid_t> group) const {
  // Through the descriptor, so that it is our file even if the directory lets others swap names.
  const std::string self = fmt::format("/proc/self/fd/{}", made_.raw());
  if (group && ::chown(self.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    Error::raise("the socket {} cannot be given to gid {}: {}", path_, *group, system_words(errno));
  }
  if (::chmod(self.c_str(), mode) != 0) {
    Error::raise("the socket {} cannot be given mode {:04o}: {}", path_, mode, system_words(errno));
  }
}

std::string Listener::bound_path(int fd) {
  int listening = 0;
  int type = 0;
  socklen_t size = sizeof(int);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) return {};
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return {};
  sockaddr_un address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      address.sun_family != AF_UNIX) {
    return {};
  }
  return std::string(address.sun_path, ::strnlen(address.sun_path, sizeof address.sun_path));
}

std::vector<UniqueFd> inherited_sockets() {
  constexpr int kFirst = 3;
  const auto number = [](const char* name) {
    const char* text = std::getenv(name);
    long value = -1;
    if (text == nullptr) return value;
    const std::string_view view(text);
    const auto [stop, error] = std::from_chars(view.data(), view.data() + view.size(), value);
    return error == std::errc{} && stop == view.data() + view.size() ? value : -1;
  };
  std::vector<UniqueFd> sockets;
  const long count = number("LISTEN_FDS");
  if (number("LISTEN_PID") == ::getpid() && count > 0 && count <= 1024) {
    for (int fd = kFirst; fd < kFirst + count; ++fd) {
      if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) sockets.emplace_back(fd);
    }
  }
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(name);
  return sockets;
}

}  // namespace hawser::ivshmem
