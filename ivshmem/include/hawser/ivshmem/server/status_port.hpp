// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A socket that tells whoever asks how a server is: one line, then the end.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>
#include <hawser/ivshmem/server/server_loop.hpp>
#include <hawser/transport/time.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

namespace hawser::ivshmem {

class Listener;

/// Answers each connection from this user or root with the line, then closes it. Reads nothing.
class StatusPort {
 public:
  /// Has `loop` watch it under `token`; the loop must outlive it.
  /// @throws Error
  StatusPort(const std::string& path, const ServerLoop& loop, std::uint64_t token);
  ~StatusPort();

  /// The loop has told the token. Asks for the line only when there is somebody to give it to. Out of descriptors or
  /// memory, it is not watched for a while: whoever waits there would keep the loop busy.
  void accept(const std::function<std::string()>& line, Instant now);
  /// Sends what slow readers could not take; gives them up after a second. Call when due().
  void tick(Instant now);
  /// never() while only the loop can have news.
  Instant due(Instant now) const;

 private:
  static constexpr std::size_t kMaxReaders = 8;
  struct Reader {
    UniqueFd socket;
    std::string rest;
    Instant until;
  };
  static bool finished(Reader& reader);

  void pause(Instant now);

  const ServerLoop& loop_;
  std::uint64_t token_;
  std::unique_ptr<Listener> listener_;
  std::list<Reader> readers_;
  std::optional<Instant> paused_until_;
};

}  // namespace hawser::ivshmem
