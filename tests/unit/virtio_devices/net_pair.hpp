// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two drivers, two devices and the cable between them, all in one thread.
#pragma once

#include "net_frames.hpp"

#include <hawser/virtio/device/net.hpp>
#include <hawser/virtio/device/net_cable.hpp>
#include <hawser/virtio/driver/net.hpp>

#include "support/direct_transport.hpp"

#include <memory>
#include <optional>

namespace hawser::test {

inline constexpr virtio::Mac kLeftMac{0x02, 0, 0, 0, 0, 1};
inline constexpr virtio::Mac kRightMac{0x02, 0, 0, 0, 0, 2};

/// All that a split (or packed) queue can do.
inline virtio::Features split_features() {
  virtio::Features f = virtio::kQueueFeatures;
  f.set(virtio::VIRTIO_F_RING_PACKED, false);
  return f;
}
inline virtio::Features packed_features() {
  return virtio::kQueueFeatures;
}

template <std::uint16_t kPairs = 2>
struct NetSide {
  using Device = virtio::device::Net<RegionMemory, virtio::device::CableEnd, kPairs>;
  using Transport = DirectTransport<Device>;
  using Driver = virtio::driver::Net<Transport, kPairs>;

  NetSide(virtio::device::CableEnd& end, const virtio::device::NetConfig& config,
          const virtio::driver::NetDriverOptions& options, virtio::Features queue_features)
      : region(std::size_t{16} << 20),
        device(end, config),
        transport(region, device, queue_features),
        driver(options) {}

  TestRegion region;
  Device device;
  Transport transport;
  Driver driver;
};

struct NetPairSetup {
  virtio::device::NetConfig left_device{.mac = kLeftMac, .pairs = 2};
  virtio::device::NetConfig right_device{.mac = kRightMac, .pairs = 2};
  virtio::driver::NetDriverOptions left_driver;
  virtio::driver::NetDriverOptions right_driver;
  virtio::Features queue_features = packed_features();
};

/// Both sides, started.
struct NetPair {
  explicit NetPair(const NetPairSetup& setup = {})
      : left(cable->left(), setup.left_device, setup.left_driver, setup.queue_features),
        right(cable->right(), setup.right_device, setup.right_driver, setup.queue_features) {
    left.transport.on_idle = [this] { return right.transport.serve_all(), false; };
    right.transport.on_idle = [this] { return left.transport.serve_all(), false; };
    started = left.driver.start(left.transport).ok() && right.driver.start(right.transport).ok();
  }

  /// Both devices look at all their queues.
  void serve() {
    left.transport.serve_all();
    right.transport.serve_all();
    left.transport.serve_all();
  }

  /// What the driver of a side receives next.
  template <class Side>
  std::optional<Bytes> receive(Side& side, virtio::NetHeader* header = nullptr, std::uint16_t pair = 0) {
    Bytes frame(virtio::kMaxFrame);
    serve();
    const auto got = side.driver.receive(pair, frame);
    if (!got.ok()) return std::nullopt;
    frame.resize(got->bytes);
    if (header != nullptr) *header = got->header;
    return frame;
  }
  template <class Side>
  bool send(Side& side, const virtio::NetHeader& header, const Bytes& frame, std::uint16_t pair = 0) {
    const std::span<const std::byte> part(frame);
    return side.driver.send(pair, header, std::span(&part, 1)).ok();
  }

  std::unique_ptr<virtio::device::Cable<2>> cable = std::make_unique<virtio::device::Cable<2>>(1500);
  NetSide<> left;
  NetSide<> right;
  bool started = false;
};

}  // namespace hawser::test
