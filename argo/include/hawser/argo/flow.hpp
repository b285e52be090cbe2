// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The flow control of one link: both windows, both ways. Credit goes out with whatever is sent; a frame of its own is worth
// it when the peer, by what it knows, may find too little room for its longest.
#pragma once

#include <hawser/argo/credit.hpp>
#include <hawser/argo/frames.hpp>
#include <hawser/argo/inbox.hpp>
#include <hawser/argo/ring.hpp>

#include <cstdint>

namespace hawser::argo {

struct Flow {
  SendCredit channel;  ///< What may still be sent.
  SendCredit data;
  ReceiveCredit channel_room;     ///< What was freed for the peer.
  std::uint32_t data_told = 0;    ///< Of what was freed in the data ring.
  std::uint32_t data_before = 0;  ///< What had been freed there when the link went up.
  std::uint32_t data_tight = 0;   ///< So much in use leaves no room in it for the peer's longest parcel.

  /// A new epoch of the peer, which takes that much. It sends parcels of up to `mtu` bytes into a ring of `length`.
  static Flow towards(const HelloBody& peer, std::uint32_t mtu, std::uint32_t length) {
    Flow flow;
    flow.channel = SendCredit(peer.channel_window);
    flow.data = SendCredit(peer.data_window);
    flow.data_tight = length - ring_cost(mtu);
    return flow;
  }

  /// False: the peer freed more than there was in use.
  bool update(const FrameHeader& header) {
    return channel.update(header.channel_freed) && data.update(header.data_freed);
  }

  void told(const FrameHeader& header) {
    channel_room.told = header.channel_freed;
    data_told = header.data_freed;
  }

  bool channel_is_missed(const Inbox& inbox, std::uint32_t mtu) const {
    const std::uint32_t untold = channel_room.untold();
    return untold != 0 && message_cost(mtu) > inbox.capacity() - inbox.used() - untold;
  }

  /// Freed in the data ring since the link went up.
  std::uint32_t data_freed(const ReceiveRing& ring) const { return ring.released() - data_before; }
  std::uint32_t data_untold(const ReceiveRing& ring) const { return data_freed(ring) - data_told; }
  bool data_is_missed(const ReceiveRing& ring) const {
    const std::uint32_t untold = data_untold(ring);
    return untold != 0 && ring.occupied() + untold >= data_tight;
  }
};

}  // namespace hawser::argo
