// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A block device and, on the other side of its queues, a test that can say anything: requests are bytes cut into
// segments of the test's choice.
#pragma once

#include "support/direct_transport.hpp"

#include <hawser/virtio/blk_spec.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/memory_disk.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hawser::test {

using Bytes = std::vector<std::byte>;

inline Bytes pattern(std::size_t count, unsigned seed) {
  Bytes bytes(count);
  for (std::size_t n = 0; n < count; ++n)
    bytes[n] = static_cast<std::byte>((n * 7 + n / 251 + seed * 31) & 0xff);
  return bytes;
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

template <Wire W>
Bytes bytes_of(const W& value) {
  const auto bytes = wire_bytes(value);
  return {bytes.begin(), bytes.end()};
}

inline Bytes blk_header(std::uint32_t type, std::uint64_t sector = 0) {
  return bytes_of(virtio::virtio_blk_req_header{.type = type, .reserved = 0xa5a5a5a5, .sector = sector});
}

inline Bytes blk_range(std::uint64_t sector, std::uint32_t sectors, std::uint32_t flags = 0) {
  return bytes_of(
      virtio::virtio_blk_discard_write_zeroes{.sector = sector, .num_sectors = sectors, .flags = flags});
}

/// What came back.
struct BlkAnswer {
  std::uint32_t written = 0;
  Bytes writable;  ///< The whole writable part, status included. It was 0xee before.

  std::uint8_t status() const { return std::to_integer<std::uint8_t>(writable.back()); }
  Bytes data() const { return {writable.begin(), writable.end() - 1}; }
};

inline constexpr std::byte kUntouched{0xee};

/// Lengths of consecutive segments; what is left over is one more.
using Cuts = std::vector<std::uint32_t>;

template <class Backend = virtio::device::MemoryDisk, std::size_t kQueues = 1, std::size_t kDepth = 8>
struct BlkRig {
  using Model = virtio::device::Blk<RegionMemory, Backend>;

  static constexpr std::size_t kSegMax = 14;
  static constexpr std::uint32_t kSizeMax = 4096;

  explicit BlkRig(Backend& backend, virtio::device::BlkOptions options = {.size_max = kSizeMax})
      : device(room, backend, options), transport(region, device, virtio::kQueueFeatures) {}

  /// Brings the device up by hand.
  void start(virtio::Features ring, virtio::Features without = {}) {
    virtio::Features wanted = ring | device.offered();
    for (unsigned bit = 0; bit < virtio::Features::kBits; ++bit) {
      if (without.has(bit)) wanted.set(bit, false);
    }
    if (!transport.negotiate(wanted).ok()) throw std::runtime_error("the device refused the features");
    for (std::size_t n = 0; n < kQueues; ++n) {
      auto queue =
          transport.start_queue(static_cast<std::uint16_t>(n), 64, std::span(slots).subspan(n * 64, 64));
      if (!queue.ok()) throw std::runtime_error("the device refused the queue");
      queues[n] = std::move(*queue);
    }
    if (!transport.start().ok()) throw std::runtime_error("the device did not start");
  }

  virtio::Segment place(const Bytes& bytes) {
    const auto at = region.arena().allocate(bytes.size());
    if (!at) throw std::runtime_error("the test's arena is full");
    std::copy(bytes.begin(), bytes.end(), region.at(*at, bytes.size()).begin());
    return {*at, static_cast<std::uint32_t>(bytes.size())};
  }

  static std::vector<virtio::Segment> cut(virtio::Segment whole, const Cuts& cuts) {
    std::vector<virtio::Segment> pieces;
    for (std::uint32_t bytes : cuts) {
      bytes = std::min(bytes, whole.bytes);
      pieces.push_back({whole.at, bytes});
      whole = {whole.at + bytes, whole.bytes - bytes};
    }
    if (whole.bytes != 0) pieces.push_back(whole);
    return pieces;
  }

  /// Puts a request in the queue and rings. False: no room, or the queue does not take it.
  bool send(const Bytes& readable, std::size_t writable, const Cuts& readable_cuts = {},
            const Cuts& writable_cuts = {}, std::uint16_t queue = 0) {
    std::vector<virtio::Segment> in;
    std::vector<virtio::Segment> out;
    Sent sent;
    if (!readable.empty()) in = cut(place(readable), readable_cuts);
    if (writable != 0) {
      sent.writable = place(Bytes(writable, kUntouched));
      out = cut(sent.writable, writable_cuts);
    }
    if (!queues[queue].try_add(in, out, virtio::Token{sent_.size()}).ok()) return false;
    sent_.push_back(sent);
    if (queues[queue].publish()) transport.notify(queue, queues[queue].next_offset());
    return true;
  }

  /// The next answer, with the number of the request that it answers.
  std::optional<BlkAnswer> receive(std::uint16_t queue = 0, std::size_t* number = nullptr) {
    transport.serve();
    const auto reaped = queues[queue].try_reap();
    if (!reaped.ok()) return std::nullopt;
    const Sent& sent = sent_.at(reaped->token.value);
    if (number != nullptr) *number = reaped->token.value;
    const auto bytes = region.at(sent.writable.at, sent.writable.bytes);
    return BlkAnswer{reaped->written, Bytes(bytes.begin(), bytes.end())};
  }

  /// Both.
  std::optional<BlkAnswer> ask(const Bytes& readable, std::size_t writable, const Cuts& readable_cuts = {},
                               const Cuts& writable_cuts = {}) {
    if (!send(readable, writable, readable_cuts, writable_cuts)) return std::nullopt;
    return receive();
  }

  std::uint8_t status_of(const Bytes& readable, std::size_t writable = 1) {
    const auto answer = ask(readable, writable);
    return answer && !answer->writable.empty() ? answer->status() : std::uint8_t{0xff};
  }

  virtio::virtio_blk_config config() {
    virtio::virtio_blk_config config{};
    if (!transport.read_config(0, std::as_writable_bytes(std::span(&config, 1))).ok()) {
      throw std::runtime_error("no configuration");
    }
    return config;
  }

  struct Sent {
    virtio::Segment writable{};
  };

  TestRegion region{std::size_t{8} << 20};
  virtio::device::BlkRoom<RegionMemory, kQueues, kDepth, kSegMax> room;
  Model device;
  DirectTransport<Model> transport;
  std::array<virtio::DriverSlot, kQueues * 64> slots{};
  std::array<virtio::AnyDriverQueue<RegionMemory>, kQueues> queues;

 private:
  std::vector<Sent> sent_;
};

/// Every kind of queue a test should see: both formats, plain and with everything.
struct RingKind {
  std::string name;
  virtio::Features features;
};
inline const std::vector<RingKind>& ring_kinds() {
  using namespace virtio;
  static const std::vector<RingKind> kinds = [] {
    const Features all = kQueueFeatures;
    Features split = all;
    split.set(VIRTIO_F_RING_PACKED, false);
    Features loose = all;
    loose.set(VIRTIO_F_IN_ORDER, false);
    return std::vector<RingKind>{{"split, plain", {}},
                                 {"packed, plain", {VIRTIO_F_RING_PACKED}},
                                 {"split, all features", split},
                                 {"packed, all features", all},
                                 {"packed, out of order", loose}};
  }();
  return kinds;
}

}  // namespace hawser::test
