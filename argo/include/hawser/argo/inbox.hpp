// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Channel messages between their arrival and try_receive(). They are copied out of the control ring at once, so that
// rings, credits and heartbeats behind them are never held up by a caller that does not receive.
#pragma once

#include <hawser/argo/frames.hpp>
#include <hawser/transport/link.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::argo {

/// A queue of whole messages in memory that is handed in: a multiple of 16 bytes, private to us.
class Inbox {
 public:
  Inbox() = default;
  explicit Inbox(std::span<std::byte> memory) : memory_(memory) {}

  std::uint32_t capacity() const { return static_cast<std::uint32_t>(memory_.size()); }
  std::uint32_t used() const { return used_; }
  void clear() { head_ = used_ = 0; }

  /// Appends a message in parts; false if there is no room for message_cost() of its length.
  bool push(const std::array<std::span<const std::byte>, 2>& parts);
  /// Takes the oldest message; its length.
  Result<std::uint32_t, ReceiveError> pop(std::span<std::byte> to);

 private:
  void put_in(std::uint32_t at, std::span<const std::byte> from);

  std::span<std::byte> memory_;
  std::uint32_t head_ = 0;
  std::uint32_t used_ = 0;
};

}  // namespace hawser::argo
