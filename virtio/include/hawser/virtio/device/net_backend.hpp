// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What stands behind a network device: a TAP, a user-mode network, a cable to another device.
#pragma once

#include <hawser/virtio/net_offload.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::device {

enum class NetSent : std::uint8_t {
  kSent,
  kBusy,     ///< No room now. The device keeps the frame and offers it again.
  kDropped,  ///< Gone, as on any wire.
};

/// A frame on its way to the driver: it starts with the Ethernet header and lies in memory that no peer can write.
struct NetFrame {
  NetHeader header;
  std::span<const std::byte> bytes;  ///< Empty: there is no frame.
};

/// Frames out and in. One thread.
///
/// takes()              what a frame given to send() may leave undone
/// gives()              what a frame from front() may leave undone, if the driver accepts it
/// queues()             queues that front() and send() know: 1 to many
/// mtu()                largest packet (without Ethernet header) that gets through; 0: does not say
/// link_up()            a frame sent now has a chance to arrive
/// start(accepted, n)   a driver is there: from now on frames come only as it accepts them, on the first n queues.
///                      Frames from before are gone.
/// adjust(accepted, n)  the driver changed its mind. Frames stay, those of queues that are no longer used excepted.
/// stop()               the driver is gone, and with it every frame in between. May be called again.
/// send(q, h, parts)    one frame, gathered. The parts may change while they are read: copy first, then look.
/// can_send(q)          false: send() would be kBusy
/// front(q)             the oldest frame for the driver; stays, and stays valid, until pop(q)
template <class B>
concept NetBackend = requires(B& backend, const B& cbackend, NetOffloads accepted, std::uint16_t queue,
                              const NetHeader& header, std::span<const std::span<const std::byte>> parts) {
  { cbackend.takes() } -> std::same_as<NetOffloads>;
  { cbackend.gives() } -> std::same_as<NetOffloads>;
  { cbackend.queues() } -> std::same_as<std::uint16_t>;
  { cbackend.mtu() } -> std::same_as<std::uint16_t>;
  { cbackend.link_up() } -> std::same_as<bool>;
  { backend.start(accepted, queue) } -> std::same_as<void>;
  { backend.adjust(accepted, queue) } -> std::same_as<void>;
  { backend.stop() } -> std::same_as<void>;
  { backend.send(queue, header, parts) } -> std::same_as<NetSent>;
  { cbackend.can_send(queue) } -> std::same_as<bool>;
  { backend.front(queue) } -> std::same_as<NetFrame>;
  { backend.pop(queue) } -> std::same_as<void>;
};

}  // namespace hawser::virtio::device
