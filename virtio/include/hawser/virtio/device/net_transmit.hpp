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

/// What the driver may send.
struct TransmitRules {
  NetOffloads offloads;
  std::size_t longest_packet =
      kMaxFrame;  ///< Bytes behind the Ethernet header and a tag, without segmentation.
};

/// What became of frames.
struct Transmitted {
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t dropped = 0;    ///< By the backend.
  std::uint64_t malformed = 0;  ///< By us: the header was wrong, or the frame too short or too long.
};

/// The frames taken from one queue; the queue itself is its owner's, and always the same one until forget().
template <LendableMemory M, std::uint16_t kQueueSize>
class NetTransmitter {
 public:
  /// Frames taken together: their first bytes are on their way while those before them are sent.
  static constexpr std::size_t kBurst = 32;

  /// A frame waits until the backend has room for it.
  bool waiting() const { return next_ != count_; }

  /// Sends what the queue has, at most kBurst frames, on the backend's `number`th queue. False: there is nothing more, or
  /// no room for it, or the queue is broken.
  template <NetBackend Backend>
  bool send_burst(AnyDeviceQueue<M>& queue, Backend& backend, std::uint16_t number,
                  const TransmitRules& rules, Transmitted& done) {
    if (!waiting()) {
      next_ = 0;
      count_ = queue.take_burst(chains_, segments_, kQueueSize);
      for (std::size_t n = 0; n < count_; ++n) fetch(queue.memory(), chains_[n]);
    }
    const std::size_t first = next_;
    while (next_ != count_ && send(queue.memory(), chains_[next_], backend, number, rules, done)) ++next_;
    for (std::size_t n = first; n != next_; ++n) queue.complete(std::move(chains_[n]), 0);
    return next_ != first && next_ == count_;
  }

  /// Drops what waits, without an answer: the queue is no more, and its memory may be somebody else's by now. The queue
  /// object goes next.
  void forget() {
    for (; next_ != count_; ++next_) chains_[next_] = Chain();
    checked_ = false;
  }

 private:
  /// A header and the beginning of its frame.
  static constexpr std::size_t kLinesAhead = 2;

  static void fetch(const M& memory, const Chain& chain) {
    if (chain.readable().empty()) return;
    const Segment& first = chain.readable()[0];
    if (const auto area = memory.area(first.at, first.bytes, 1); area.ok())
      prefetch(area->bytes(), kLinesAhead);
  }

  /// False: the backend has no room.
  template <NetBackend Backend>
  bool send(const M& memory, const Chain& chain, Backend& backend, std::uint16_t number,
            const TransmitRules& rules, Transmitted& done) {
    std::size_t parts = 0, bytes = 0;
    if (!open(memory, chain, rules, parts, bytes)) {
      ++done.malformed;
      return true;
    }
    switch (backend.send(number, header_, std::span(parts_).first(parts))) {
      case NetSent::kSent:
        ++done.sent;
        done.sent_bytes += bytes;
        break;
      case NetSent::kDropped:
        ++done.dropped;
        break;
      case NetSent::kBusy:
        checked_ = true;
        return false;
    }
    checked_ = false;
    return true;
  }

  /// Finds the frame behind its header, which is believed as it was when the frame was first offered.
  bool open(const M& memory, const Chain& chain, const TransmitRules& rules, std::size_t& parts,
            std::size_t& bytes) {
    virtio_net_hdr wire;
    const auto out = std::as_writable_bytes(std::span(&wire, 1));
    if (const auto readable = chain.readable(); readable.size() == 1 && readable[0].bytes > out.size())
        [[likely]] {
      const auto area = memory.area(readable[0].at, readable[0].bytes, 1);
      if (!area.ok()) return false;
      area->read(0, out);
      parts_[0] = area->bytes().subspan(out.size());
      parts = 1;
      bytes = parts_[0].size();
    } else {
      ChainReader<M> reader(memory, chain);
      if (!reader.read(out).ok()) return false;
      bytes = static_cast<std::size_t>(reader.remaining());  // below 2^32, as every chain
      while (!reader.done() && parts < parts_.size()) {
        auto part = reader.borrow();
        if (!part.ok()) return false;
        parts_[parts++] = *part;
      }
    }
    return checked_ || check(wire, bytes, rules);
  }

  /// Keeps of a header what passed.
  bool check(const virtio_net_hdr& wire, std::size_t bytes, const TransmitRules& rules) {
    if (plain(wire, bytes)) {
      header_ = NetHeader{};
    } else {
      const auto header = check_header(wire, bytes, rules.offloads);
      if (!header.ok()) return false;
      header_ = *header;
      header_.checksum_good = false;  // §5.1.6.2.1: not the driver's to say
    }
    return header_.segmentation != Segmentation::kNone ||
           bytes <= rules.longest_packet + kEthernetHeader + kVlanTag;
  }

  std::array<Chain, kBurst> chains_;  ///< Taken; from next_ to count_ not sent yet.
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  bool checked_ = false;  ///< The next one, which the backend had no room for; header_ is its.
  NetHeader header_;
  /// Room for the longest chain behind any that has been taken.
  std::array<Segment, 2 * std::size_t{kQueueSize}> segments_;
  std::array<std::span<const std::byte>, kQueueSize> parts_;
};

}  // namespace hawser::virtio::device
