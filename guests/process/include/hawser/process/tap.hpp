// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A Linux TAP interface as what stands behind a network device. Offloads go through: the kernel takes frames with the
// checksum and the cutting left undone, and leaves them undone in what it sends if the driver accepts that.
#pragma once

#include <hawser/process/owned_fd.hpp>
#include <hawser/process/say.hpp>
#include <hawser/process/wake_set.hpp>

#include <hawser/virtio/device/net_backend.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace hawser::process {

struct TapOptions {
  std::string name;  ///< Of the interface; "": the kernel chooses one. A missing one is made (CAP_NET_ADMIN).
  std::uint16_t queues = 1;  ///< More than one: the kernel spreads flows over them.
  Say log{};                 ///< Where one-line messages go; nothing: to stderr.
};

struct TapCounters {
  std::uint64_t refused = 0;    ///< By the kernel: the interface is down, or it did not like the frame.
  std::uint64_t malformed = 0;  ///< From the kernel, with a header that the driver did not agree to.
  std::uint64_t discarded = 0;  ///< Were waiting when a driver came or went.
};

class Tap {
 public:
  /// Throws std::invalid_argument or std::system_error with one sentence.
  explicit Tap(const TapOptions& options);

  const std::string& name() const { return name_; }
  const TapCounters& counters() const { return counters_; }
  /// Readable when the device should be served.
  int wake_fd() const { return wake_.fd(); }

  // --- NetBackend ---
  virtio::NetOffloads takes() const { return offloads_; }
  virtio::NetOffloads gives() const { return offloads_; }
  std::uint16_t queues() const { return static_cast<std::uint16_t>(queues_.size()); }
  std::uint16_t mtu() const { return mtu_; }
  /// The interface is there and up. Looked up at most ten times a second.
  bool link_up() const;
  void start(const virtio::NetOffloads& accepted, std::uint16_t queues);
  void adjust(const virtio::NetOffloads& accepted, std::uint16_t queues);
  void stop();
  virtio::device::NetSent send(std::uint16_t queue, const virtio::NetHeader& header,
                               std::span<const std::span<const std::byte>> parts);
  bool can_send(std::uint16_t queue) const;
  virtio::device::NetFrame front(std::uint16_t queue);
  void pop(std::uint16_t queue);

 private:
  struct Queue {
    OwnedFd fd;
    bool attached = true;
    bool muted = true;  ///< Nobody would take a frame now: wake nobody for it.
    bool busy = false;  ///< The kernel had no room.
    virtio::device::NetFrame waiting;
    std::vector<std::byte> buffer;
  };

  void open_queue(bool several);
  bool set_offloads(const virtio::NetOffloads& accepted);
  void attach(Queue& queue, bool on);
  void discard(Queue& queue);
  void watch(Queue& queue);
  void mute(Queue& queue);
  void lose(int error);

  WakeSet wake_;
  OwnedFd control_;  ///< A socket to ask about the interface.
  Say log_;
  std::string name_;
  std::vector<Queue> queues_;
  virtio::NetOffloads offloads_;
  virtio::NetOffloads accepted_;
  TapCounters counters_;
  std::uint16_t mtu_ = 0;
  bool gone_ = false;  ///< The interface was deleted, and does not come back to our descriptors.
  mutable bool up_ = false;
  mutable std::chrono::steady_clock::time_point looked_up_{};
};

static_assert(virtio::device::NetBackend<Tap>);

}  // namespace hawser::process
