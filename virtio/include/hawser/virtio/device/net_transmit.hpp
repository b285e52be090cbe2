// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A transmit queue seen from the device: the driver's header is checked, its frame lent to the backend in place
// (VIRTIO 1.3 §5.1.6.2).
#pragma once

#include <hawser/virtio/device/net_backend.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::virtio::device {

enum class Transmission : std::uint8_t {
  kSent,
  kDropped,    ///< By the backend.
  kMalformed,  ///< By us: the header was wrong, or the frame too short or too long.
  kNothing,    ///< The driver has nothing to send.
  kBusy,       ///< The backend has no room; the frame waits.
  kBroken,
};

/// What the driver may send.
struct TransmitRules {
  NetOffloads offloads;
  std::size_t longest_packet =
      kMaxFrame;  ///< Bytes behind the Ethernet header and a tag, without segmentation.
};

/// The frame taken from one queue; the queue itself is its owner's, and always the same one until give_back().
template <LendableMemory M, std::uint16_t kQueueSize>
class NetTransmitter {
 public:
  bool waiting() const { return waiting_.held(); }

  /// Sends the queue's next frame on the backend's `number`th queue; `bytes` becomes its length.
  template <NetBackend Backend>
  Transmission send_one(AnyDeviceQueue<M>& queue, Backend& backend, std::uint16_t number,
                        const TransmitRules& rules, std::size_t& bytes) {
    const auto done = [&](Transmission how) {
      queue.complete(std::move(waiting_), 0);
      return how;
    };
    if (!waiting_.held()) {
      auto chain = queue.try_take(segments_);
      if (!chain.ok())
        return chain.error() == TakeError::kNothing ? Transmission::kNothing : Transmission::kBroken;
      waiting_ = std::move(*chain);
      if (!check(queue.memory(), rules)) return done(Transmission::kMalformed);
    }

    ChainReader<M> reader(queue.memory(), waiting_);
    (void)reader.skip(sizeof(virtio_net_hdr));  // check() has read that many
    bytes = static_cast<std::size_t>(reader.remaining());
    std::size_t parts = 0;
    while (!reader.done() && parts < parts_.size()) {
      auto part = reader.borrow();
      if (!part.ok()) return done(Transmission::kMalformed);
      parts_[parts++] = *part;
    }
    switch (backend.send(number, header_, std::span(parts_).first(parts))) {
      case NetSent::kSent:
        return done(Transmission::kSent);
      case NetSent::kDropped:
        return done(Transmission::kDropped);
      case NetSent::kBusy:
        break;
    }
    return Transmission::kBusy;
  }

  /// Completes what waits, unsent.
  void give_back(AnyDeviceQueue<M>& queue) {
    if (waiting_.held()) queue.complete(std::move(waiting_), 0);
  }

 private:
  /// Reads the header of waiting_ once, and keeps what passed.
  bool check(const M& memory, const TransmitRules& rules) {
    ChainReader<M> reader(memory, waiting_);
    const auto wire = reader.template read_wire<virtio_net_hdr>();
    if (!wire.ok()) return false;
    const auto bytes = static_cast<std::size_t>(reader.remaining());  // below 2^32, as every chain
    const auto header = check_header(*wire, bytes, rules.offloads);
    if (!header.ok()) return false;
    header_ = *header;
    header_.checksum_good = false;  // §5.1.6.2.1: not the driver's to say
    return header_.segmentation != Segmentation::kNone ||
           bytes <= rules.longest_packet + kEthernetHeader + kVlanTag;
  }

  Chain waiting_;  ///< Taken, checked, and not sent yet.
  NetHeader header_;
  std::array<Segment, kQueueSize> segments_;
  std::array<std::span<const std::byte>, kQueueSize> parts_;
};

}  // namespace hawser::virtio::device
