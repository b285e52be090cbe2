// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Names, numbers and layouts of the network device (VIRTIO 1.3 §5.1).
#pragma once

#include <hawser/transport/endian.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace hawser::virtio {

// §5.1.3 Feature bits. Bit numbers, not masks.
inline constexpr unsigned VIRTIO_NET_F_CSUM = 0;
inline constexpr unsigned VIRTIO_NET_F_GUEST_CSUM = 1;
inline constexpr unsigned VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 2;
inline constexpr unsigned VIRTIO_NET_F_MTU = 3;
inline constexpr unsigned VIRTIO_NET_F_MAC = 5;
inline constexpr unsigned VIRTIO_NET_F_GUEST_TSO4 = 7;
inline constexpr unsigned VIRTIO_NET_F_GUEST_TSO6 = 8;
inline constexpr unsigned VIRTIO_NET_F_GUEST_ECN = 9;
inline constexpr unsigned VIRTIO_NET_F_GUEST_UFO = 10;
inline constexpr unsigned VIRTIO_NET_F_HOST_TSO4 = 11;
inline constexpr unsigned VIRTIO_NET_F_HOST_TSO6 = 12;
inline constexpr unsigned VIRTIO_NET_F_HOST_ECN = 13;
inline constexpr unsigned VIRTIO_NET_F_HOST_UFO = 14;
inline constexpr unsigned VIRTIO_NET_F_MRG_RXBUF = 15;
inline constexpr unsigned VIRTIO_NET_F_STATUS = 16;
inline constexpr unsigned VIRTIO_NET_F_CTRL_VQ = 17;
inline constexpr unsigned VIRTIO_NET_F_CTRL_RX = 18;
inline constexpr unsigned VIRTIO_NET_F_CTRL_VLAN = 19;
inline constexpr unsigned VIRTIO_NET_F_CTRL_RX_EXTRA = 20;
inline constexpr unsigned VIRTIO_NET_F_GUEST_ANNOUNCE = 21;
inline constexpr unsigned VIRTIO_NET_F_MQ = 22;
inline constexpr unsigned VIRTIO_NET_F_CTRL_MAC_ADDR = 23;
inline constexpr unsigned VIRTIO_NET_F_GUEST_USO4 = 54;
inline constexpr unsigned VIRTIO_NET_F_GUEST_USO6 = 55;
inline constexpr unsigned VIRTIO_NET_F_HOST_USO = 56;

// §5.1.4 Device configuration layout: status.
inline constexpr std::uint16_t VIRTIO_NET_S_LINK_UP = 1;
inline constexpr std::uint16_t VIRTIO_NET_S_ANNOUNCE = 2;

// §5.1.6 Packet header: flags and gso_type.
inline constexpr std::uint8_t VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
inline constexpr std::uint8_t VIRTIO_NET_HDR_F_DATA_VALID = 2;
inline constexpr std::uint8_t VIRTIO_NET_HDR_GSO_NONE = 0;
inline constexpr std::uint8_t VIRTIO_NET_HDR_GSO_TCPV4 = 1;
inline constexpr std::uint8_t VIRTIO_NET_HDR_GSO_UDP = 3;
inline constexpr std::uint8_t VIRTIO_NET_HDR_GSO_TCPV6 = 4;
inline constexpr std::uint8_t VIRTIO_NET_HDR_GSO_UDP_L4 = 5;
inline constexpr std::uint8_t VIRTIO_NET_HDR_GSO_ECN = 0x80;

// §5.1.6.5 Control virtqueue.
inline constexpr std::uint8_t VIRTIO_NET_OK = 0;
inline constexpr std::uint8_t VIRTIO_NET_ERR = 1;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_RX = 0;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_RX_PROMISC = 0;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_RX_ALLMULTI = 1;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_MAC = 1;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_MAC_TABLE_SET = 0;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_MAC_ADDR_SET = 1;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_ANNOUNCE = 3;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_ANNOUNCE_ACK = 0;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_MQ = 4;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET = 0;
inline constexpr std::uint16_t VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX = 0x8000;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_GUEST_OFFLOADS = 5;
inline constexpr std::uint8_t VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET = 0;

/// An Ethernet address.
using Mac = std::array<std::uint8_t, 6>;

/// §5.1.4 struct virtio_net_config, up to mtu.
struct virtio_net_config {
  Mac mac;
  le16 status;
  le16 max_virtqueue_pairs;
  le16 mtu;
};
static_assert(sizeof(virtio_net_config) == 12 && offsetof(virtio_net_config, status) == 6 &&
              offsetof(virtio_net_config, max_virtqueue_pairs) == 8 &&
              offsetof(virtio_net_config, mtu) == 10);

/// §5.1.6 struct virtio_net_hdr, as it is with VIRTIO_F_VERSION_1 (num_buffers is always there).
struct virtio_net_hdr {
  std::uint8_t flags;
  std::uint8_t gso_type;
  le16 hdr_len;
  le16 gso_size;
  le16 csum_start;
  le16 csum_offset;
  le16 num_buffers;
};
static_assert(sizeof(virtio_net_hdr) == 12 && offsetof(virtio_net_hdr, csum_start) == 6 &&
              offsetof(virtio_net_hdr, num_buffers) == 10);

/// §5.1.6.5 struct virtio_net_ctrl without its data; the acknowledgment is a byte of its own.
struct virtio_net_ctrl {
  std::uint8_t command_class;
  std::uint8_t command;
};
static_assert(sizeof(virtio_net_ctrl) == 2);

}  // namespace hawser::virtio
