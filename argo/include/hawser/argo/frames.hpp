// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What two ends of a link say to one another on their control rings, byte by byte, and at which ports.
// docs/wire/argo-bus.md is the same in prose.
#pragma once

#include <hawser/argo/spec.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::argo {

enum class Role : std::uint8_t {
  kDriver,
  kDevice,
};

enum class RingKind : std::uint8_t {
  kControl,  ///< Frames.
  kData,     ///< Parcels: the payload is the parcel, the message type the sender's epoch.
};

/// Four ports for each link, each named after the end that receives there.
inline constexpr std::uint32_t kFirstPort = 0x48570000;
constexpr std::uint32_t port_of(std::uint32_t link, Role receiver, RingKind kind) {
  return kFirstPort + 4 * link + (receiver == Role::kDriver ? 2 : 0) + (kind == RingKind::kData ? 1 : 0);
}

/// The message types on a control ring.
enum class FrameKind : std::uint32_t {
  kHello = 0x48570001,    ///< Who I am, whom I see, how much I take: HelloBody.
  kMessage = 0x48570002,  ///< A message of the channel.
  kMarks = 0x48570003,    ///< A ring: MarksBody.
  kCredit = 0x48570004,   ///< Nothing but the header: room was made.
  kBeat = 0x48570005,     ///< Nothing but the header: still here.
  kBye = 0x48570006,      ///< Nothing but the header: leaving.
};

/// In front of every frame.
struct FrameHeader {
  le32 from;  ///< The sender's epoch, not 0.
  le32
      to;  ///< The receiver's epoch as the sender knows it; 0: not known. All but HELLO are for this epoch only.
  le32
      channel_freed;  ///< What the sender has made free of its window for channel messages since `from` met `to`.
  le32
      data_freed;  ///< The same of its data ring. Both count bytes as message_cost() and ring_cost(), and wrap.
};
static_assert(sizeof(FrameHeader) == 16 && offsetof(FrameHeader, data_freed) == 12);

inline constexpr std::uint32_t kLinkVersion = 1;

struct HelloBody {
  le32 version;         ///< The highest that the sender speaks; both speak the lower one.
  le32 channel_window;  ///< Bytes of channel messages that the sender takes without having freed any.
  le32 channel_mtu;     ///< Longest channel message it sends or takes.
  le32 data_window;     ///< Length of its data ring.
  le32 data_mtu;        ///< Longest parcel it sends or takes.
  le32 reserved[3];     ///< 0; ignored.
};
static_assert(sizeof(HelloBody) == 32 && offsetof(HelloBody, data_mtu) == 16);

struct MarksBody {
  le64 marks;  ///< Bit n: mark n was rung. None: a ring without a mark.
};
static_assert(sizeof(MarksBody) == 8);

/// What no link does without.
inline constexpr std::uint32_t kMinChannelMtu = 64;
inline constexpr std::uint32_t kMinDataMtu = 64;

/// The longest channel message of our ends.
inline constexpr std::uint32_t kChannelMtu = 1024;

/// What a channel message of that many bytes takes up of the window: as much as its frame in the ring.
constexpr std::uint32_t message_cost(std::uint32_t bytes) {
  return ring_cost(static_cast<std::uint32_t>(sizeof(FrameHeader)) + bytes);
}

}  // namespace hawser::argo
