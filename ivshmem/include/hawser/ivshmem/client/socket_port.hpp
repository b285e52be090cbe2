// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A process's ivshmem Port: a Client with one place to wait, for doorbells, the server, and whatever else the
// embedder's loop cares about.
#pragma once

#include <hawser/ivshmem/client/client.hpp>
#include <hawser/ivshmem/port.hpp>
#include <hawser/transport/wake.hpp>

#include <vector>

namespace hawser::ivshmem {

class SocketPort {
 public:
  /// @throws Error
  explicit SocketPort(const ClientOptions& options);
  SocketPort(const SocketPort&) = delete;
  SocketPort& operator=(const SocketPort&) = delete;

  // The Port concept.
  std::span<std::byte> memory() const { return client_.memory(); }
  std::uint16_t own_id() const { return client_.own_id(); }
  std::uint16_t vectors() const { return client_.vectors(); }
  void ring(std::uint16_t id, std::uint16_t vector) { (void)client_.ring(id, vector); }
  /// Ends with kRung on a doorbell, on news from the server, on a watched descriptor and on a signal.
  Wake wait(Instant deadline);
  Instant now() const;

  /// From any thread or a signal handler. Every wait() from then on returns kCancelled, until resume().
  void cancel() noexcept;
  void resume();

  enum Interest : std::uint8_t {
    kReadable = 1,
    kWritable = 2
  };
  /// wait() also ends when `fd` is ready (level-triggered); ready() then lists `token`. Calling it again for the
  /// same descriptor changes token and interest.
  /// @throws Error if the kernel cannot watch it (a regular file).
  void watch(int fd, std::uint32_t token, int interest = kReadable);
  /// Before `fd` is closed. No effect if it is not watched.
  void unwatch(int fd) noexcept;
  /// What made the last wait() return, out of the watched descriptors.
  std::span<const std::uint32_t> ready() const { return ready_; }

  const Client& client() const { return client_; }
  std::vector<std::uint16_t> peers() const { return client_.peers(); }
  bool server_alive() const { return client_.server_alive(); }
  const std::string& server_loss() const { return client_.server_loss(); }

 private:
  void add(int fd, std::uint64_t token);
  void watch_new_vectors();
  int sleep(void* events, int room, Instant deadline);

  Client client_;
  UniqueFd epoll_;
  UniqueFd cancel_;
  std::uint16_t watched_vectors_ = 0;
  std::vector<std::uint32_t> ready_;
};

static_assert(Port<SocketPort>);

}  // namespace hawser::ivshmem
