// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/msg/bus.hpp>

namespace hawser::virtio::msg {

const char* describe(BusFault fault) {
  switch (fault) {
    case BusFault::kNone:
      return "";
    case BusFault::kMessagesTooShort:
      return "the link's messages are shorter than virtio-msg's shortest maximum, 52 bytes";
    case BusFault::kMessageTooLong:
      return "the peer sent a message longer than this bus allows";
  }
  return "unknown";
}

}  // namespace hawser::virtio::msg
