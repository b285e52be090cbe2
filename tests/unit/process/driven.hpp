// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A network driver on a device whose backend lives in the real world: it is served when the backend's descriptor says
// so, and only then.
#pragma once

#include "unit/virtio_devices/net_frames.hpp"

#include <hawser/virtio/device/net.hpp>
#include <hawser/virtio/driver/net.hpp>

#include "support/direct_transport.hpp"

#include <poll.h>

#include <functional>
#include <optional>

namespace hawser::test {

inline bool readable(int fd, int milliseconds = 0) {
  pollfd member{fd, POLLIN, 0};
  return ::poll(&member, 1, milliseconds) > 0;
}

template <class Backend, std::uint16_t kPairs = 2>
class DrivenNet {
 public:
  using Device = virtio::device::Net<RegionMemory, Backend, kPairs>;

  DrivenNet(Backend& with, const virtio::driver::NetDriverOptions& options)
      : backend(with), device(with, {.mac = {0x02, 0, 0, 0, 0, 9}, .pairs = kPairs}), driver(options) {
    started = driver.start(transport).ok();
  }

  /// Frames for which `wanted` is true, until there are `count` or a second has passed.
  std::vector<Bytes> receive(std::size_t count, const std::function<bool(const Bytes&)>& wanted,
                             virtio::NetHeader* last_header = nullptr) {
    std::vector<Bytes> got;
    for (int idle = 0; got.size() < count && idle < 20;) {
      bool any = false;
      for (std::uint16_t pair = 0; pair < driver.pairs(); ++pair) {
        Bytes frame(virtio::kMaxFrame);
        const auto taken = driver.receive(pair, frame);
        if (!taken.ok()) continue;
        any = true;
        frame.resize(taken->bytes);
        if (!wanted(frame)) continue;
        if (last_header != nullptr) *last_header = taken->header;
        got.push_back(std::move(frame));
      }
      if (any) continue;
      if (!readable(backend.wake_fd(), 50)) ++idle;
      transport.serve_all();
    }
    return got;
  }
  bool send(const Bytes& frame, const virtio::NetHeader& header = {}, std::uint16_t pair = 0) {
    const std::span<const std::byte> part(frame);
    const bool ok = driver.send(pair, header, std::span(&part, 1)).ok();
    transport.serve();
    return ok;
  }

  Backend& backend;
  TestRegion region{std::size_t{16} << 20};
  Device device;
  DirectTransport<Device> transport{region, device, virtio::kQueueFeatures};
  virtio::driver::Net<DirectTransport<Device>, kPairs> driver;
  bool started = false;
};

/// A frame with its addresses; the rest of make_frame()'s choices are kept, sums are corrected.
struct Address {
  virtio::Mac mac;
  std::uint32_t ip;
  unsigned port = 0;
};
inline Bytes udp_frame(const Address& from, const Address& to, const Bytes& payload) {
  Bytes f = make_frame({.udp = true}, payload);
  std::memcpy(f.data(), to.mac.data(), 6);
  std::memcpy(f.data() + 6, from.mac.data(), 6);
  set16(f, 26, from.ip >> 16);
  set16(f, 28, from.ip);
  set16(f, 30, to.ip >> 16);
  set16(f, 32, to.ip);
  set16(f, 34, from.port);
  set16(f, 36, to.port);
  set16(f, 24, 0);
  set16(f, 24, ~slow_sum(f, 14, 34));
  set16(f, 40, 0);
  const unsigned sum = ~slow_sum(f, 34, f.size(), pseudo_sum(f, layout_of(f))) & 0xffff;
  set16(f, 40, sum == 0 ? 0xffff : sum);
  return f;
}
inline Bytes arp_frame(unsigned operation, const Address& from, const Address& to) {
  Bytes f;
  const virtio::Mac everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  for (const auto byte : operation == 1 ? everybody : to.mac) put8(f, byte);
  for (const auto byte : from.mac) put8(f, byte);
  put16(f, 0x0806);
  put16(f, 1);
  put16(f, 0x0800);
  put16(f, 0x0604);
  put16(f, operation);
  for (const auto byte : from.mac) put8(f, byte);
  put32(f, from.ip);
  for (const auto byte : to.mac) put8(f, byte);
  put32(f, to.ip);
  f.resize(60);
  return f;
}
inline bool is_arp(const Bytes& f, unsigned operation) {
  return f.size() >= 42 && get16(f, 12) == 0x0806 && get16(f, 20) == operation;
}
inline bool is_udp(const Bytes& f) {
  return f.size() >= 42 && get16(f, 12) == 0x0800 && get8(f, 23) == 17;
}
inline virtio::Mac mac_at(const Bytes& f, std::size_t at) {
  virtio::Mac mac;
  std::memcpy(mac.data(), f.data() + at, 6);
  return mac;
}

}  // namespace hawser::test
