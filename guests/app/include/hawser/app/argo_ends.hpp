// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// An Argo link and its courier in the memory of one port, for either side: what a program drives or serves instead of a
// link with shared memory.
#pragma once

#include <hawser/argo/link.hpp>
#include <hawser/virtio/courier/device_end.hpp>
#include <hawser/virtio/courier/driver_end.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::app {

/// Memory that one side needs at least: the link's own, and as much again for rings and buffers.
constexpr std::size_t argo_bytes(const argo::LinkOptions& options) {
  return 2 * argo::link_bytes(options);
}

/// The driver side. The port outlives it.
template <argo::Port P>
struct ArgoDriverEnd {
  using Link = argo::Link<P>;
  using End = virtio::courier::DriverEnd<Link>;

  ArgoDriverEnd(P& port, const argo::LinkOptions& options,
                const virtio::courier::DriverEndOptions& courier = {})
      : link(port, port.memory().first(argo::link_bytes(options)), options),
        end(link, port.memory().subspan(argo::link_bytes(options)), courier) {}

  Link link;
  End end;
};

/// The device side. `bitmap`: Arena::bitmap_words(port.memory().size()) words. `kQueues`: of all devices together.
template <argo::Port P, std::uint16_t kQueues = 24>
struct ArgoDeviceEnd {
  using Link = argo::Link<P>;
  using End = virtio::courier::DeviceEnd<Link, kQueues>;

  ArgoDeviceEnd(P& port, const argo::LinkOptions& options, std::span<std::uint64_t> bitmap,
                const virtio::courier::DeviceEndOptions& courier = {})
      : link(port, port.memory().first(argo::link_bytes(options)), options),
        end(link, memory(port.memory(), options, bitmap), courier) {}

  /// Devices see the ring of parcels, where readable bytes are used, and what lies behind it.
  static virtio::courier::DeviceEndMemory memory(std::span<std::byte> all, const argo::LinkOptions& options,
                                                 std::span<std::uint64_t> bitmap) {
    const std::size_t own = argo::link_bytes(options);
    return {all.subspan(options.control_bytes), all.subspan(own), bitmap};
  }

  Link link;
  End end;
};

}  // namespace hawser::app
