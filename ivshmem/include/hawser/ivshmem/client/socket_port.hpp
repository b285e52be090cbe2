// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A process's ivshmem Port: a Client with one place to wait, for doorbells, the server, and whatever else the
// embedder's loop cares about.
#pragma once

#include <hawser/ivshmem/client/client.hpp>
#include <hawser/ivshmem/client/wait_place.hpp>
#include <hawser/ivshmem/port.hpp>
#include <hawser/transport/wake.hpp>

#include <span>
#include <string>
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

  /// As WaitPlace says.
  void cancel() noexcept { place_.cancel(); }
  void resume() { place_.resume(); }
  using Interest = WaitPlace::Interest;
  static constexpr Interest kReadable = WaitPlace::kReadable;
  static constexpr Interest kWritable = WaitPlace::kWritable;
  void watch(int fd, std::uint32_t token, int interest = kReadable) { place_.watch(fd, token, interest); }
  void unwatch(int fd) noexcept { place_.unwatch(fd); }
  std::span<const std::uint32_t> ready() const { return place_.ready(); }
  WaitPlace& wait_place() { return place_; }

  const Client& client() const { return client_; }
  std::vector<std::uint16_t> peers() const { return client_.peers(); }
  bool server_alive() const { return client_.server_alive(); }
  const std::string& server_loss() const { return client_.server_loss(); }

 private:
  void watch_new_vectors();

  Client client_;
  WaitPlace place_;
  std::uint16_t watched_vectors_ = 0;
};

static_assert(Port<SocketPort>);

}  // namespace hawser::ivshmem
