// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A window that this process shares with one client at a time, which joins as it would join a server of its own: stock
// QEMU with -device ivshmem-doorbell, or a Client. For whoever serves something through shared memory.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>
#include <hawser/ivshmem/server/policy.hpp>
#include <hawser/transport/time.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hawser::ivshmem {

struct ServedWindowOptions {
  std::string name;                    ///< as a link's in a policy; names the memory object
  std::string socket;                  ///< where the client connects; mode 0600
  std::uint64_t size = 16ull << 20;    ///< bytes; a power of two, at least 4 KiB
  std::uint16_t vectors = 2;           ///< both ways; 1 to 64
  Duration knock_limit = seconds(60);  ///< a newcomer that has read nothing by then is refused
  Duration stall_limit = seconds(60);  ///< a client that does not read its greeting for so long is dropped
  std::function<void(std::string_view)> log;  ///< one sentence a call; bounded
  UniqueFd inherited;                         ///< a listening socket from a service manager; else one is made
};

/// Every client gets a new memory object: nothing of the one before is in it, and nobody who kept a mapping sees it.
/// This user and root are admitted; who comes while somebody is there is refused, in the way QEMU understands.
/// Not thread-safe. Nothing that a client does blocks it or ends it.
class ServedWindow {
 public:
  static constexpr std::uint16_t kOwnId = 0;  ///< by which the client rings us
  static constexpr std::uint16_t kClientId = 1;

  struct Events {
    std::function<void()> joined;  ///< The window is there, and the client has not seen it yet.
    std::function<void()> left;    ///< The window is still there, for the last time.
    std::function<void(std::uint16_t vector)> rung;
  };

  /// Clients may connect as soon as this returns. Nothing is called before poll().
  /// @throws Error in one sentence.
  ServedWindow(ServedWindowOptions options, Events events);
  ~ServedWindow();  ///< Calls left() if somebody is there. Removes the socket that it made.
  ServedWindow(const ServedWindow&) = delete;
  ServedWindow& operator=(const ServedWindow&) = delete;

  /// Readable when poll() has something to do.
  int fd() const;
  /// Does what there is to do, without blocking: a bounded amount of it.
  void poll(Instant now);
  /// When to poll() although fd() is not readable; never() if there is no need.
  Instant due() const;

  bool occupied() const;
  std::span<std::byte> memory() const;  ///< empty unless occupied
  Credentials client() const;
  /// Rings the client; nothing unless occupied. Orders all earlier stores before it. Never blocks, whatever the client
  /// did to the eventfd that both hold.
  void ring(std::uint16_t vector);
  /// Parts from the client.
  void drop(std::string why);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser::ivshmem
