// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Ethernet addresses: which a station can have, and one for who was given none (VIRTIO 1.3 §5.1.4.2).
#pragma once

#include <hawser/virtio/net_spec.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio {

/// A station's own address: not a group's, and not all zero.
constexpr bool one_station(const Mac& mac) {
  return (mac[0] & 1) == 0 && mac != Mac{};
}

/// A locally administered address. Seeds that differ give, but for chance, addresses that do.
constexpr Mac local_mac(std::uint64_t seed) {
  seed += 0x9e3779b97f4a7c15;  // splitmix64
  seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9;
  seed = (seed ^ seed >> 27) * 0x94d049bb133111eb;
  seed ^= seed >> 31;
  Mac mac{};
  for (std::size_t n = 0; n < mac.size(); ++n) mac[n] = static_cast<std::uint8_t>(seed >> 8 * n);
  mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfc) | 2);  // local, and no group
  return mac;
}

}  // namespace hawser::virtio
