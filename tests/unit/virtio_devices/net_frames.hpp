// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Frames for tests: made whole, made with the checksum or the segmentation left undone, and read back. Written from
// the RFCs without using anything of the code under test, so the two can disagree.
#pragma once

#include <hawser/virtio/net_offload.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hawser::test {

using Bytes = std::vector<std::byte>;

struct FrameKind {
  bool ipv6 = false;
  bool udp = false;
  bool vlan = false;
  unsigned ip_options = 0;   ///< Words of options (IPv4) or 8-byte hop-by-hop headers (IPv6).
  unsigned tcp_options = 0;  ///< Words of options.
  std::uint8_t tcp_flags = 0x10;
  std::uint32_t sequence = 1000;
};

inline void put8(Bytes& to, unsigned value) {
  to.push_back(std::byte(value & 0xff));
}
inline void put16(Bytes& to, unsigned value) {
  put8(to, value >> 8);
  put8(to, value);
}
inline void put32(Bytes& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}
inline unsigned get8(const Bytes& from, std::size_t at) {
  return std::to_integer<unsigned>(from.at(at));
}
inline unsigned get16(const Bytes& from, std::size_t at) {
  return get8(from, at) << 8 | get8(from, at + 1);
}
inline std::uint32_t get32(const Bytes& from, std::size_t at) {
  return get16(from, at) << 16 | get16(from, at + 2);
}
inline void set16(Bytes& in, std::size_t at, unsigned value) {
  in.at(at) = std::byte(value >> 8 & 0xff);
  in.at(at + 1) = std::byte(value & 0xff);
}

/// The ones' complement sum, byte by byte, not complemented.
inline unsigned slow_sum(const Bytes& bytes, std::size_t from, std::size_t to, unsigned start = 0) {
  std::uint64_t sum = start;
  for (std::size_t at = from; at < to; ++at)
    sum += (at - from) % 2 == 0 ? get8(bytes, at) << 8 : get8(bytes, at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<unsigned>(sum);
}

/// Where the parts of a frame lie. Believes the frame.
struct Layout {
  std::size_t ip = 14;
  bool ipv6 = false;
  std::size_t transport = 0;
  bool udp = false;
  std::size_t payload = 0;
};

inline Layout layout_of(const Bytes& frame) {
  Layout l;
  unsigned type = get16(frame, 12);
  if (type == 0x8100) {
    type = get16(frame, 16);
    l.ip = 18;
  }
  l.ipv6 = type == 0x86dd;
  unsigned protocol = 0;
  if (l.ipv6) {
    protocol = get8(frame, l.ip + 6);
    l.transport = l.ip + 40;
    while (protocol == 0) {
      protocol = get8(frame, l.transport);
      l.transport += 8 + 8 * get8(frame, l.transport + 1);
    }
  } else {
    protocol = get8(frame, l.ip + 9);
    l.transport = l.ip + (get8(frame, l.ip) & 15) * 4;
  }
  l.udp = protocol == 17;
  l.payload = l.transport + (l.udp ? 8 : (get8(frame, l.transport + 12) >> 4) * 4);
  return l;
}

inline unsigned pseudo_sum(const Bytes& frame, const Layout& l) {
  const std::size_t from = l.ipv6 ? l.ip + 8 : l.ip + 12;
  const auto length = static_cast<unsigned>(frame.size() - l.transport);
  unsigned sum = slow_sum(frame, from, from + (l.ipv6 ? 32 : 8));
  sum += (length >> 16) + (length & 0xffff) + (l.udp ? 17 : 6);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/// "" or what is wrong with the frame: lengths or checksums.
inline std::string wrong_with(const Bytes& frame) {
  const Layout l = layout_of(frame);
  if (l.ipv6) {
    if (get16(frame, l.ip + 4) != frame.size() - l.ip - 40) return "IPv6 payload length";
  } else {
    if (get16(frame, l.ip + 2) != frame.size() - l.ip) return "IPv4 total length";
    if (slow_sum(frame, l.ip, l.transport) != 0xffff) return "IPv4 header checksum";
  }
  if (l.udp && get16(frame, l.transport + 4) != frame.size() - l.transport) return "UDP length";
  if (slow_sum(frame, l.transport, frame.size(), pseudo_sum(frame, l)) != 0xffff) return "transport checksum";
  return "";
}

inline std::size_t checksum_at(const Layout& l) {
  return l.transport + (l.udp ? 6 : 16);
}

/// A complete frame.
inline Bytes make_frame(const FrameKind& kind, const Bytes& payload) {
  Bytes f;
  for (unsigned i = 0; i < 6; ++i) put8(f, 0x50 + i);
  for (unsigned i = 0; i < 6; ++i) put8(f, 0x60 + i);
  if (kind.vlan) {
    put16(f, 0x8100);
    put16(f, 42);
  }
  put16(f, kind.ipv6 ? 0x86dd : 0x0800);
  const std::size_t transport_bytes = (kind.udp ? 8 : 20 + 4 * kind.tcp_options) + payload.size();
  const unsigned protocol = kind.udp ? 17 : 6;
  if (kind.ipv6) {
    put32(f, 0x60000000);
    put16(f, static_cast<unsigned>(transport_bytes + 8 * kind.ip_options));
    put8(f, kind.ip_options == 0 ? protocol : 0);
    put8(f, 64);
    for (unsigned i = 0; i < 32; ++i) put8(f, 0xfd + 7 * i);
    for (unsigned i = 0; i < kind.ip_options; ++i) {
      put8(f, i + 1 == kind.ip_options ? protocol : 0);
      put8(f, 0);
      put16(f, 0x0104);
      put32(f, 0);
    }
  } else {
    const std::size_t ip = f.size();
    put8(f, 0x45 + kind.ip_options);
    put8(f, 0);
    put16(f, static_cast<unsigned>(20 + 4 * kind.ip_options + transport_bytes));
    put16(f, 0xfffe);  // identifications wrap
    put16(f, 0x4000);
    put8(f, 64);
    put8(f, protocol);
    put16(f, 0);
    put32(f, 0x0a000201);
    put32(f, 0x0a000202);
    for (unsigned i = 0; i < kind.ip_options; ++i) put32(f, 0x01010101);
    set16(f, ip + 10, ~slow_sum(f, ip, f.size()));
  }
  put16(f, 4000);
  put16(f, 5000);
  if (kind.udp) {
    put16(f, static_cast<unsigned>(transport_bytes));
    put16(f, 0);
  } else {
    put32(f, kind.sequence);
    put32(f, 77);
    put8(f, (5 + kind.tcp_options) << 4);
    put8(f, kind.tcp_flags);
    put16(f, 512);
    put16(f, 0);
    put16(f, 0);
    for (unsigned i = 0; i < kind.tcp_options; ++i) put32(f, 0x01010101);
  }
  f.insert(f.end(), payload.begin(), payload.end());
  const Layout l = layout_of(f);
  const unsigned sum = ~slow_sum(f, l.transport, f.size(), pseudo_sum(f, l)) & 0xffff;
  set16(f, checksum_at(l), sum == 0 ? 0xffff : sum);
  return f;
}

/// Takes the checksum out again, as a driver that leaves it to the device does; the header to send with it.
inline virtio::NetHeader leave_checksum(Bytes& frame) {
  const Layout l = layout_of(frame);
  set16(frame, checksum_at(l), pseudo_sum(frame, l));
  virtio::NetHeader header;
  header.needs_checksum = true;
  header.checksum_start = static_cast<std::uint16_t>(l.transport);
  header.checksum_offset = static_cast<std::uint16_t>(l.udp ? 6 : 16);
  return header;
}

/// The same, and leaves the cutting too.
inline virtio::NetHeader leave_segmentation(Bytes& frame, std::uint16_t segment_bytes) {
  const Layout l = layout_of(frame);
  virtio::NetHeader header = leave_checksum(frame);
  header.segmentation = l.udp    ? virtio::Segmentation::kUdp
                        : l.ipv6 ? virtio::Segmentation::kTcp6
                                 : virtio::Segmentation::kTcp4;
  header.segment_bytes = segment_bytes;
  header.header_bytes = static_cast<std::uint16_t>(l.payload);
  return header;
}

inline Bytes pattern(std::size_t bytes, unsigned seed = 1) {
  Bytes made(bytes);
  for (std::size_t i = 0; i < bytes; ++i) made[i] = std::byte((i * 31 + seed * 17 + i / 251) & 0xff);
  return made;
}

}  // namespace hawser::test
