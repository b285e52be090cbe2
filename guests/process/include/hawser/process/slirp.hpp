// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// User-mode networking (libslirp) as what stands behind a network device: a driver reaches what this process can
// reach, without any right on the machine. NAT at 10.0.2.0/24; the gateway is 10.0.2.2, the name server 10.0.2.3, and
// DHCP hands out 10.0.2.15 and up.
#pragma once

#include <hawser/process/owned_fd.hpp>
#include <hawser/process/wake_set.hpp>

#include <hawser/virtio/device/net_backend.hpp>

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <set>
#include <vector>

struct Slirp;

namespace hawser::process {

/// A port of this machine that leads into the driver's network.
struct SlirpForward {
  bool udp = false;
  std::uint16_t host_port = 0;   ///< On 127.0.0.1.
  std::uint16_t guest_port = 0;  ///< On 10.0.2.15.
};

struct SlirpOptions {
  bool restricted = false;  ///< Nothing outside the driver's own network.
  std::vector<SlirpForward> forwards;
};

struct SlirpCounters {
  std::uint64_t overflowed = 0;    ///< Frames dropped because the driver took none for long.
  std::uint64_t guest_errors = 0;  ///< Frames that libslirp found wrong.
};

class UserNetwork {
 public:
  /// Throws std::runtime_error with one sentence.
  explicit UserNetwork(const SlirpOptions& options = {});
  ~UserNetwork();
  UserNetwork(const UserNetwork&) = delete;
  UserNetwork& operator=(const UserNetwork&) = delete;

  const SlirpCounters& counters() const { return counters_; }
  /// Readable when the device should be served: also for libslirp's own timers.
  int wake_fd() const { return wake_.fd(); }

  // --- NetBackend: no offloads, one queue ---
  virtio::NetOffloads takes() const { return {}; }
  virtio::NetOffloads gives() const { return {}; }
  std::uint16_t queues() const { return 1; }
  std::uint16_t mtu() const { return 1500; }
  bool link_up() const { return true; }
  void start(const virtio::NetOffloads& accepted, std::uint16_t queues);
  void adjust(const virtio::NetOffloads&, std::uint16_t) {}
  void stop();
  virtio::device::NetSent send(std::uint16_t queue, const virtio::NetHeader& header,
                               std::span<const std::span<const std::byte>> parts);
  bool can_send(std::uint16_t) const { return true; }
  virtio::device::NetFrame front(std::uint16_t queue);
  void pop(std::uint16_t queue);

 private:
  friend struct SlirpCalls;

  struct Timer {
    void (*call)(void*) = nullptr;
    void* opaque = nullptr;
    std::int64_t expires_ms = -1;  ///< -1: not set.
  };

  /// Lets libslirp look at its sockets and timers, and then waits for what it waits for now.
  void turn();
  void run_timers();

  WakeSet wake_;
  OwnedFd clock_;
  std::list<Timer> timers_;  ///< libslirp holds pointers into it.
  std::deque<std::vector<std::byte>> frames_;
  std::set<int> watched_;
  std::vector<std::byte> sending_;
  SlirpCounters counters_;
  ::Slirp* slirp_ = nullptr;
  bool running_ = false;
  bool asked_ = false;  ///< front() has shown the oldest frame.
};

static_assert(virtio::device::NetBackend<UserNetwork>);

}  // namespace hawser::process
