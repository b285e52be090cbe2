// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A bus's end of its link: one message out, one message in, and the session that they belong to.
#pragma once

#include <hawser/virtio/msg/bus.hpp>
#include <hawser/virtio/msg/codec.hpp>

#include <hawser/transport/link.hpp>
#include <hawser/transport/result.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::msg {

template <Link L>
class Port {
 public:
  /// Longer than any message of revision 1 that we send or accept; a carrier's padding has room too.
  static constexpr std::size_t kBuffer = 512;

  explicit Port(L& link) : link_(link) {}

  /// Lets the link do its work. True: whatever was known of the peer is void (the link came, went or broke, or the
  /// peer broke the bus).
  bool poll() {
    const LinkEvent event = link_.poll();
    const bool same = event == LinkEvent::kNothing && (!up_ || link_.epoch() == epoch_);
    if (same) return std::exchange(gave_up_, false);
    up_ = link_.state() == LinkState::kUp;
    epoch_ = up_ ? link_.epoch() : Epoch{};
    fault_ = BusFault::kNone;
    gave_up_ = false;
    ring_ = false;
    ++session_;
    if (up_ && link_.channel().mtu() < VIRTIO_MSG_MIN_MESSAGE) fault_ = BusFault::kMessagesTooShort;
    return true;
  }

  bool up() const { return up_ && fault_ == BusFault::kNone; }
  BusFault fault() const { return fault_; }

  /// Changes whenever the link comes or goes. Nothing of one session is worth anything in another.
  std::uint32_t session() const { return session_; }

  /// Bytes of the longest message, both ways (Respecting Bus Limits).
  std::size_t max_message() const { return std::min(link_.channel().mtu(), VIRTIO_MSG_MAX_MESSAGE); }

  /// Does not ring: call ring() when all that is to be said has been said.
  Result<void, SendError> send(std::span<const std::byte> frame) {
    if (!up()) return Err{SendError::kDown};
    const std::span<const std::byte> parts[] = {frame};
    HAWSER_CHECK(link_.channel().try_send(parts));
    ring_ = true;
    return {};
  }

  void ring() {
    if (ring_) link_.bell().ring();
    ring_ = false;
  }

  /// The next message, a private copy that lives until the next call.
  std::optional<std::span<const std::byte>> receive() {
    if (!up()) return std::nullopt;
    const auto size = link_.channel().try_receive(received_);
    if (size.ok()) return std::span(received_).first(std::min(*size, received_.size()));
    if (size.error() == ReceiveError::kTooSmall) {  // it stays first in line: nothing can be read any more
      fault_ = BusFault::kMessageTooLong;
      gave_up_ = true;
      ++session_;
    }
    return std::nullopt;
  }

  L& link() { return link_; }
  const L& link() const { return link_; }

 private:
  L& link_;
  Epoch epoch_;
  std::uint32_t session_ = 0;
  bool up_ = false;
  bool ring_ = false;
  bool gave_up_ = false;  ///< A fault that poll() has still to report.
  BusFault fault_ = BusFault::kNone;
  std::array<std::byte, kBuffer> received_;
};

}  // namespace hawser::virtio::msg
