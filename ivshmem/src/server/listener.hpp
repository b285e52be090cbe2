// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A listening Unix socket that appears with its final rights and disappears with its owner.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace hawser::ivshmem {

class Listener {
 public:
  /// Binds and listens. A socket file that a dead server left is replaced; a living server is an Error.
  /// @throws Error
  Listener(std::string path, mode_t mode, std::optional<gid_t> group);

  /// A socket that somebody else bound and will remove.
  Listener(std::string path, UniqueFd inherited);

  ~Listener();  ///< Removes the file if it is still the one that was made here.
  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;

  int fd() const { return fd_.raw(); }
  const std::string& path() const { return path_; }

  /// The path that an inherited socket is bound to; empty if it is not a listening Unix stream socket.
  static std::string bound_path(int fd);

 private:
  void give_rights(mode_t mode, std::optional<gid_t> group) const;

  std::string path_;
  UniqueFd fd_;
  UniqueFd made_;  // O_PATH on the file that we made; none if inherited
};

/// The sockets that a service manager passed (sd_listen_fds(3)): taken once, marked close-on-exec.
std::vector<UniqueFd> inherited_sockets();

}  // namespace hawser::ivshmem
