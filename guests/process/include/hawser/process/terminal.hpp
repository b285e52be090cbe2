// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What stands behind a console port in a process: a pseudo-terminal that anybody can open, or the process's own
// standard input and output.
#pragma once

#include <hawser/process/owned_fd.hpp>
#include <hawser/process/wake_set.hpp>

#include <hawser/virtio/device/console_backend.hpp>

#include <termios.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace hawser::process {

/// Descriptors to read from and write to, as a ConsoleBackend. Common part of Pty and Stdio.
class Terminal {
 public:
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Readable when the device should be served.
  int wake_fd() const { return wake_.fd(); }

  // --- ConsoleBackend ---
  std::size_t read(std::span<std::byte> out);
  /// With nobody connected, bytes are taken and gone: a driver must not stand still because nobody looks.
  std::size_t write(std::span<const std::byte> in);
  bool writable() const;
  bool connected() const;
  /// Looked up at most ten times a second.
  virtio::device::ConsoleSize size() const;
  void driver_open(bool on);
  void want_input(bool on);

 protected:
  Terminal() = default;
  /// `path`: where others open the other end; "": there is no coming and going.
  void use(int in, int out, const std::string& path);

 private:
  void look_again() const;
  void watch() const;

  mutable WakeSet wake_;
  OwnedFd opens_;  ///< inotify: tells of everybody who opens or closes `path`.
  int in_ = -1;
  int out_ = -1;
  bool driver_open_ = false;
  bool input_wanted_ = false;
  bool at_end_ = false;  ///< Of a file or pipe.
  bool full_ = false;
  mutable bool connected_ = false;
  mutable virtio::device::ConsoleSize size_;
  mutable std::chrono::steady_clock::time_point sized_{};
};

/// A pseudo-terminal in raw mode. Whoever opens path() is connected; they may leave and others come.
class Pty : public Terminal {
 public:
  /// `link`: a symbolic link to make to it, "" for none; an existing link is replaced, anything else is not.
  /// Throws std::system_error with one sentence.
  explicit Pty(const std::string& link = "");
  ~Pty();

  const std::string& path() const { return path_; }

 private:
  OwnedFd controller_;
  std::string path_;
  std::string link_;
};

/// Standard input and output. If they are a terminal, it is in raw mode as long as this lives; its own keys for
/// interrupt, quit and suspend go on working unless `keys_to_driver`.
class Stdio : public Terminal {
 public:
  explicit Stdio(bool keys_to_driver = false);
  ~Stdio();

 private:
  std::optional<termios> before_;
  int in_flags_ = 0;
  int out_flags_ = 0;
};

static_assert(virtio::device::ConsoleBackend<Terminal>);

}  // namespace hawser::process
