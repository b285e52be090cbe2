// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The receiving side of an Argo ring. Xen writes messages and tx_ptr, we write rx_ptr. Positions are private, a header
// is copied out once and checked, payload stays where it is until it is released.
#pragma once

#include <hawser/argo/spec.hpp>
#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::argo {

/// A message in the ring, until it is released.
struct RingMessage {
  std::uint16_t domain = 0;  ///< Who sent it; Xen vouches for that.
  std::uint32_t type = 0;
  std::array<std::span<const std::byte>, 2> parts;  ///< The second is empty unless the payload wraps around.
  std::uint32_t number = 0;                         ///< For release().
  std::size_t size() const { return parts[0].size() + parts[1].size(); }
};

enum class RingError : std::uint8_t {
  kEmpty,
  kTooManyHeld,  ///< Something may be there, but too many messages are unreleased.
  kBroken,       ///< The ring says what can not be; latched until clear().
};

class ReceiveRing {
 public:
  /// What is remembered of a message that has been received but whose room is not yet free.
  struct Held {
    std::uint32_t bytes = 0;
    bool released = false;
  };

  ReceiveRing() = default;

  /// @param memory  whole pages, page-aligned: what is registered.
  /// @param held    so many messages may be unreleased at a time; a power of two.
  ReceiveRing(std::span<std::byte> memory, std::span<Held> held);

  std::span<std::byte> memory() const { return memory_; }
  /// Bytes of the ring, without its header.
  std::uint32_t length() const { return length_; }

  /// Forgets everything and zeroes the pointers: between unregistering and registering.
  void clear();

  /// Nothing has arrived that was not received: what try_receive() would say, for the price of a load.
  bool quiet() const { return words_.observe<std::uint32_t>(kTxPtr) == next_; }

  Result<RingMessage, RingError> try_receive();

  /// In any order. Room becomes free in order: as soon as all that came before is released too.
  /// @return false for what is not held.
  bool release(std::uint32_t number);

  /// Bytes between rx_ptr and tx_ptr, as far as the latter makes sense: not yet received or not yet free again.
  std::uint32_t occupied() const {
    const std::uint32_t tx = words_.load<std::uint32_t>(kTxPtr);
    if (tx >= length_) return held_bytes_;
    return tx >= first_ ? tx - first_ : tx + length_ - first_;
  }
  /// Bytes that became free since clear(), wrapping.
  std::uint32_t released() const { return released_; }
  /// True after clear() if nothing is broken; a sentence otherwise.
  const char* broken_reason() const { return broken_reason_; }

 private:
  static constexpr std::size_t kRxPtr = offsetof(wire::RingHeader, rx_ptr);
  static constexpr std::size_t kTxPtr = offsetof(wire::RingHeader, tx_ptr);

  std::uint32_t after(std::uint32_t at, std::uint32_t bytes) const {
    return bytes < length_ - at ? at + bytes : bytes - (length_ - at);
  }
  Held& held(std::uint32_t number) { return held_[number & (held_.size() - 1)]; }
  Err<RingError> broke(const char* reason);

  std::span<std::byte> memory_;
  std::span<Held> held_;
  RegionMemory::Area words_;
  RegionMemory::Area bytes_;
  std::uint32_t length_ = 0;
  std::uint32_t first_ = 0;         // rx_ptr, as we published it
  std::uint32_t next_ = 0;          // where the next message begins
  std::uint32_t held_bytes_ = 0;    // between the two
  std::uint32_t first_number_ = 0;  // of the oldest message held
  std::uint32_t next_number_ = 0;
  std::uint32_t released_ = 0;
  const char* broken_reason_ = "";
};

}  // namespace hawser::argo
