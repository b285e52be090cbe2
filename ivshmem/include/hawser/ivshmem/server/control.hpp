// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How a running server is told to stop or to read its policy again.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>

#include <atomic>
#include <csignal>

namespace hawser::ivshmem {

/// stop() and reload() may be called from any thread and from a signal handler.
class ServerControl {
 public:
  ServerControl();
  ~ServerControl();
  ServerControl(const ServerControl&) = delete;
  ServerControl& operator=(const ServerControl&) = delete;

  void stop() noexcept;
  void reload() noexcept;

  /// From now until destruction SIGTERM and SIGINT mean stop(), SIGHUP means reload(), for this process.
  /// Call it before the process has other threads, or block the three signals in them.
  void take_signals();

  /// For the server's loop: the descriptors to watch (the second may be −1), and what was asked for since.
  int fd() const { return event_.raw(); }
  int signal_fd() const { return signals_.raw(); }
  struct Wishes {
    bool stop = false;
    bool reload = false;
  };
  Wishes take();

 private:
  void poke() noexcept;

  UniqueFd event_;
  UniqueFd signals_;
  sigset_t old_mask_{};
  std::atomic<bool> stop_{false};
  std::atomic<bool> reload_{false};
};

}  // namespace hawser::ivshmem
