// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What both sides of a bus agree on without a message: how runtime notifications travel, and which mark stands for
// which queue. README.md, "Agreed outside the messages", is the text of the agreement.
#pragma once

#include <hawser/transport/link.hpp>

#include <cstdint>

namespace hawser::virtio::msg {

/// What tells the other side that a queue has something new. Exactly one of the two is authoritative on a bus, and the
/// other is not used at all (Runtime Notifications).
enum class Notification : std::uint8_t {
  kMarks,  ///< Polling-only in the specification's words: a mark on the bell is the hint, no message is sent.
  kMessages,  ///< EVENT_AVAIL and EVENT_USED; the bell only says that messages wait.
};

/// Eight marks a device, as layout B has it with num_vq_notif_per_device = 8. Shared by queues that are eight apart and
/// by devices that are eight apart: a mark is a hint to look, and looking in vain costs one load.
constexpr Mark mark_of(std::uint16_t device, std::uint16_t queue) {
  return Mark((device * 8u + queue % 8u) % Mark::kCount);
}

/// Why a bus can not work over its link. Latched until the link goes up anew.
enum class BusFault : std::uint8_t {
  kNone,
  kMessagesTooShort,  ///< The link's mtu is below VIRTIO_MSG_MIN_MESSAGE.
  kMessageTooLong,    ///< The peer sent more than any message of this bus can have.
};

/// A sentence for logs, without a final period.
const char* describe(BusFault fault);

}  // namespace hawser::virtio::msg
