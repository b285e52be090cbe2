// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What both driver halves do before a request gets into the ring.
#pragma once

#include <hawser/virtio/queue/indirect.hpp>
#include <hawser/virtio/queue/layout.hpp>
#include <hawser/virtio/queue/queue.hpp>

#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::detail {

/// The segments of one request in ring order: readable, then writable.
class Request {
 public:
  Request(std::span<const Segment> readable, std::span<const Segment> writable)
      : readable_(readable), writable_(writable) {}

  std::size_t segments() const { return readable_.size() + writable_.size(); }
  bool writable(std::size_t n) const { return n >= readable_.size(); }
  const Segment& operator[](std::size_t n) const {
    return n < readable_.size() ? readable_[n] : writable_[n - readable_.size()];
  }
  std::span<const Segment> readable() const { return readable_; }
  std::span<const Segment> writable() const { return writable_; }
  std::uint64_t writable_bytes() const { return sum(writable_); }
  std::uint64_t readable_bytes() const { return sum(readable_); }

 private:
  static std::uint64_t sum(std::span<const Segment> segments) {
    std::uint64_t total = 0;
    for (const Segment& segment : segments) total += segment.bytes;
    return total;
  }

  std::span<const Segment> readable_;
  std::span<const Segment> writable_;
};

template <Memory M>
Result<typename M::Area, SetupError> open_tables(const M& memory, const IndirectTables& tables,
                                                 std::uint16_t size) {
  if (tables.entries == 0) return typename M::Area{};
  auto area = memory.area(tables.at, IndirectTables::bytes(size, tables.entries), 16);
  if (area.ok()) return *area;
  return Err{area.error() == DoorError::kMisaligned ? SetupError::kAreaIsMisaligned
                                                    : SetupError::kAreaIsOutsideTheRegion};
}

/// Zeroes what the driver must hand over zeroed. The device has not been told of this memory yet, so no order
/// is needed.
template <class Area>
void clear(const Area& area) {
  for (std::uint64_t at = 0; at + 2 <= area.size(); at += 2) {
    area.template store<std::uint16_t>(static_cast<std::size_t>(at), 0);
  }
}

}  // namespace hawser::virtio::detail
