// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// See frames.hpp.
#include <hawser/argo/frames.hpp>

namespace hawser::argo {

const char* wrong_with(const HelloBody& body) {
  if (body.version == 0) return "the peer speaks no version of the link protocol";
  if (body.channel_mtu < kMinChannelMtu || body.channel_mtu > XEN_ARGO_MAX_RING_SIZE ||
      body.channel_window < message_cost(body.channel_mtu) || body.channel_window > XEN_ARGO_MAX_RING_SIZE) {
    return "the peer's window for channel messages is none";
  }
  if (body.data_window > kMaxRingLength || body.data_window % XEN_ARGO_MSG_SLOT_SIZE != 0 ||
      body.data_mtu < kMinDataMtu || body.data_mtu >= body.data_window ||
      ring_cost(body.data_mtu) >= body.data_window) {
    return "the peer's data ring is none";
  }
  return nullptr;
}

}  // namespace hawser::argo
