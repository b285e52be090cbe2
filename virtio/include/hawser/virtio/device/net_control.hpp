// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The commands of a network device's control queue (VIRTIO 1.3 §5.1.6.5), read from the driver and checked for
// form. What they do is the device's business.
#pragma once

#include <hawser/virtio/device/net_filter.hpp>
#include <hawser/virtio/net_offload.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace hawser::virtio::device {

/// What a control queue acts on. Each returns whether the command was possible.
template <class T>
concept NetControlled = requires(T& device, bool on, const Mac& mac, std::uint16_t pairs,
                                 const Features& offloads) {
  { device.filter() } -> std::same_as<MacFilter&>;
  { device.set_mac(mac) } -> std::same_as<bool>;
  { device.acknowledge_announcement() } -> std::same_as<bool>;
  { device.set_pairs(pairs) } -> std::same_as<bool>;
  { device.set_guest_offloads(offloads) } -> std::same_as<bool>;
};

namespace detail {

/// §5.1.6.5.2: two tables, unicast and multicast, each a count and that many addresses. The kind of an address is in
/// the address, so it does not matter in which it stood.
template <Memory M>
bool read_mac_tables(ChainReader<M>& command, MacFilter& filter) {
  MacFilter fresh = filter;
  fresh.clear_table();
  for (int table = 0; table < 2; ++table) {
    const auto count = command.template read_wire<le32>();
    if (!count.ok() || *count > command.remaining() / sizeof(Mac)) return false;
    for (std::uint32_t n = *count; n != 0; --n) {
      const auto mac = command.template read_wire<Mac>();
      if (!mac.ok()) return false;
      fresh.add(*mac);
    }
  }
  if (!command.done()) return false;
  filter = fresh;
  return true;
}

}  // namespace detail

/// Does one command; false: VIRTIO_NET_ERR. `negotiated` decides which exist.
template <Memory M, NetControlled Device>
bool run_net_command(ChainReader<M>& command, const Features& negotiated, Device& device) {
  const auto what = command.template read_wire<virtio_net_ctrl>();
  if (!what.ok()) return false;
  const auto is = [&](unsigned feature, std::uint8_t command_class, std::uint8_t number) {
    return negotiated.has(feature) && what->command_class == command_class && what->command == number;
  };
  const auto rest_is = [&](std::size_t bytes) { return command.remaining() == bytes; };

  if (is(VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC) ||
      is(VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI)) {
    if (!rest_is(1)) return false;
    const auto on = command.template read_wire<std::uint8_t>();
    if (!on.ok() || *on > 1) return false;
    if (what->command == VIRTIO_NET_CTRL_RX_PROMISC) {
      device.filter().set_promiscuous(*on == 1);
    } else {
      device.filter().set_all_multicast(*on == 1);
    }
    return true;
  }
  if (is(VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET)) {
    return detail::read_mac_tables(command, device.filter());
  }
  if (is(VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET)) {
    if (!rest_is(sizeof(Mac))) return false;
    const auto mac = command.template read_wire<Mac>();
    return mac.ok() && device.set_mac(*mac);
  }
  if (is(VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK)) {
    return rest_is(0) && device.acknowledge_announcement();
  }
  if (is(VIRTIO_NET_F_MQ, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET)) {
    if (!rest_is(sizeof(le16))) return false;
    const auto pairs = command.template read_wire<le16>();
    return pairs.ok() && device.set_pairs(*pairs);
  }
  if (is(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
         VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET)) {
    if (!rest_is(sizeof(le64))) return false;
    const auto bits = command.template read_wire<le64>();
    if (!bits.ok()) return false;
    Features offloads;
    offloads.set_block(0, static_cast<std::uint32_t>(std::uint64_t{*bits}));
    offloads.set_block(1, static_cast<std::uint32_t>(std::uint64_t{*bits} >> 32));
    return device.set_guest_offloads(offloads);
  }
  return false;
}

}  // namespace hawser::virtio::device
