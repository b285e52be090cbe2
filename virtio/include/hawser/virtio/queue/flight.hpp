// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a driver half remembers of its requests, in memory that no peer sees: who they are, how much of the
// ring they hold and how much may be written. Both formats keep the same table; an id names a slot.
#pragma once

#include <hawser/virtio/queue/queue.hpp>

#include <cstdint>
#include <optional>
#include <span>

namespace hawser::virtio::detail {

class FlightTable {
 public:
  FlightTable() = default;

  /// `slots` has at least `size` entries and outlives the table. All become free.
  FlightTable(std::span<DriverSlot> slots, std::uint16_t size) : slots_(slots.data()), size_(size) {
    for (std::uint16_t i = 0; i < size; ++i) {
      slots_[i] = DriverSlot{};
      slots_[i].next = static_cast<std::uint16_t>(i + 1 < size ? i + 1 : 0);
    }
  }

  std::uint16_t size() const { return size_; }
  std::uint16_t in_flight() const { return static_cast<std::uint16_t>(added_ - reaped_); }

  /// Requests that the device may complete: added and published.
  std::uint16_t visible() const { return static_cast<std::uint16_t>(published_ - reaped_); }

  void add(std::uint16_t id, Token token, std::uint64_t writable_bytes, std::uint16_t descriptors) {
    DriverSlot& slot = slots_[id];
    slot.token = token;
    slot.writable_bytes = writable_bytes;
    slot.descriptors = descriptors;
    slot.scratch = added_++;
  }

  void publish() { published_ = added_; }

  /// Whether the device may name this id: it is in flight and was published.
  bool visible(std::uint32_t id) const {
    return id < size_ && slots_[id].descriptors != 0 &&
           slots_[id].scratch - published_ >= added_ - published_;
  }

  /// How many requests are at least as old as this one. Meaningful when requests complete in order.
  std::uint32_t age_rank(std::uint16_t id) const { return slots_[id].scratch - reaped_ + 1; }

  /// The request is done; its slot's `descriptors` is 0 from now on.
  Reaped remove(std::uint16_t id, std::uint32_t written) {
    DriverSlot& slot = slots_[id];
    slot.descriptors = 0;
    ++reaped_;
    return Reaped{slot.token, written};
  }

  /// Takes any request that is still in flight out of the table.
  std::optional<Token> reclaim() {
    for (; reclaimed_ < size_; ++reclaimed_) {
      if (slots_[reclaimed_].descriptors != 0) return remove(reclaimed_, 0).token;
    }
    return std::nullopt;
  }

  DriverSlot& operator[](std::uint16_t id) { return slots_[id]; }
  const DriverSlot& operator[](std::uint16_t id) const { return slots_[id]; }

 private:
  DriverSlot* slots_ = nullptr;
  // Counts of requests; they wrap, only differences matter.
  std::uint32_t added_ = 0;
  std::uint32_t published_ = 0;
  std::uint32_t reaped_ = 0;
  std::uint16_t size_ = 0;
  std::uint16_t reclaimed_ = 0;
};

}  // namespace hawser::virtio::detail
