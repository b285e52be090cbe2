// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What two ends of a link say to one another on their control rings, and at which ports. The bytes are in wire.h, the
// prose in docs/wire/argo-bus.md.
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
inline constexpr std::uint32_t kFirstPort = HAWSER_ARGO_FIRST_PORT;
constexpr std::uint32_t port_of(std::uint32_t link, Role receiver, RingKind kind) {
  return kFirstPort + HAWSER_ARGO_PORTS * link + (receiver == Role::kDriver ? HAWSER_ARGO_PORT_DRIVER : 0) +
         (kind == RingKind::kData ? HAWSER_ARGO_PORT_DATA : 0);
}

/// The message types on a control ring.
enum class FrameKind : std::uint32_t {
  kHello = HAWSER_ARGO_HELLO,      ///< Who I am, whom I see, how much I take: HelloBody.
  kMessage = HAWSER_ARGO_MESSAGE,  ///< A message of the channel.
  kMarks = HAWSER_ARGO_MARKS,      ///< A ring: MarksBody.
  kCredit = HAWSER_ARGO_CREDIT,    ///< Nothing but the header: room was made.
  kBeat = HAWSER_ARGO_BEAT,        ///< Nothing but the header: still here.
  kBye = HAWSER_ARGO_BYE,          ///< Nothing but the header: leaving.
};

using FrameHeader = wire::hawser_argo_frame_header;
using HelloBody = wire::hawser_argo_hello;
using MarksBody = wire::hawser_argo_marks;

inline constexpr std::uint32_t kLinkVersion = HAWSER_ARGO_VERSION;

/// What no link does without.
inline constexpr std::uint32_t kMinChannelMtu = HAWSER_ARGO_MIN_CHANNEL_MTU;
inline constexpr std::uint32_t kMinDataMtu = HAWSER_ARGO_MIN_DATA_MTU;

/// The longest channel message of our ends.
inline constexpr std::uint32_t kChannelMtu = 1024;

/// What a channel message of that many bytes takes up of the window: as much as its frame in the ring.
constexpr std::uint32_t message_cost(std::uint32_t bytes) {
  return ring_cost(static_cast<std::uint32_t>(sizeof(FrameHeader)) + bytes);
}

/// Why nobody can speak with a peer that says this, in a sentence; nullptr if one can.
const char* wrong_with(const HelloBody& body);

}  // namespace hawser::argo
