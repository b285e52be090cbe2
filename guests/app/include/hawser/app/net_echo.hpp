// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A network of one: whatever the driver sends comes back with its addresses swapped. Behind it is a cable, so offloads
// that the driver negotiated only one way are finished on the way back.
#pragma once

#include <hawser/virtio/device/net_cable.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser::app {

class NetEcho {
 public:
  explicit NetEcho(std::uint16_t mtu = 0) : cable_(mtu) {}

  virtio::NetOffloads takes() const { return virtio::NetOffloads::all(); }
  virtio::NetOffloads gives() const { return virtio::NetOffloads::all(); }
  std::uint16_t queues() const { return near_.queues(); }
  std::uint16_t mtu() const { return near_.mtu(); }
  bool link_up() const { return true; }

  void start(const virtio::NetOffloads& accepted, std::uint16_t queues) {
    far_.start(virtio::NetOffloads::all(), 1);
    near_.start(accepted, queues);
  }
  void adjust(const virtio::NetOffloads& accepted, std::uint16_t queues) { near_.adjust(accepted, queues); }
  void stop() {
    near_.stop();
    far_.stop();
  }
  virtio::device::NetSent send(std::uint16_t queue, const virtio::NetHeader& header,
                               std::span<const std::span<const std::byte>> parts) {
    const auto sent = near_.send(queue, header, parts);
    reflect();
    return sent;
  }
  bool can_send(std::uint16_t queue) const { return near_.can_send(queue); }
  virtio::device::NetFrame front(std::uint16_t queue) {
    reflect();
    return near_.front(queue);
  }
  void pop(std::uint16_t queue) { near_.pop(queue); }

 private:
  void reflect() {
    while (true) {
      const virtio::device::NetFrame frame = far_.front(0);
      if (frame.bytes.empty()) return;
      if (frame.bytes.size() >= virtio::kEthernetHeader) {
        std::array<std::byte, 12> swapped;
        std::memcpy(swapped.data(), frame.bytes.data() + 6, 6);
        std::memcpy(swapped.data() + 6, frame.bytes.data(), 6);
        const std::array<std::span<const std::byte>, 2> parts = {swapped, frame.bytes.subspan(12)};
        if (far_.send(0, frame.header, parts) == virtio::device::NetSent::kBusy) return;
      }
      far_.pop(0);
    }
  }

  virtio::device::Cable<> cable_;
  virtio::device::CableEnd& near_ = cable_.left();
  virtio::device::CableEnd& far_ = cable_.right();
};

static_assert(virtio::device::NetBackend<NetEcho>);

}  // namespace hawser::app
