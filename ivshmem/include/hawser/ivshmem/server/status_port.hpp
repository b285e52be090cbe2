// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A socket that tells whoever asks how a server is: one line, then the end.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>
#include <hawser/transport/time.hpp>

#include <list>
#include <memory>
#include <string>

namespace hawser::ivshmem {

class Listener;

/// Answers each connection from this user or root with the line, then closes it. Reads nothing.
class StatusPort {
 public:
  /// @throws Error
  explicit StatusPort(const std::string& path);
  ~StatusPort();

  int fd() const;
  /// The listener is readable.
  void accept(const std::string& line, Instant now);
  /// Sends what slow readers could not take; gives them up after a second. Call while busy().
  void tick(Instant now);
  bool busy() const { return !readers_.empty(); }

 private:
  static constexpr std::size_t kMaxReaders = 8;
  struct Reader {
    UniqueFd socket;
    std::string rest;
    Instant until;
  };
  static bool finished(Reader& reader);

  std::unique_ptr<Listener> listener_;
  std::list<Reader> readers_;
};

}  // namespace hawser::ivshmem
