// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/device/net_checksum.hpp>
#include <hawser/virtio/device/net_segment.hpp>

#include <algorithm>
#include <cstring>

namespace hawser::virtio {

namespace {

constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;
constexpr std::uint16_t kEtherTypeVlan = 0x8100;
constexpr std::uint16_t kEtherTypeServiceVlan = 0x88a8;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kSmallestTcp = 20;
constexpr std::size_t kUdpBytes = 8;

// TCP flags (RFC 9293 §3.1).
constexpr std::uint8_t kFin = 0x01;
constexpr std::uint8_t kPsh = 0x08;
constexpr std::uint8_t kCwr = 0x80;

std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}
std::uint16_t be16_at(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}
std::uint32_t be32_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::uint32_t{be16_at(bytes, at)} << 16 | be16_at(bytes, at + 2);
}
void put_be16(std::span<std::byte> bytes, std::size_t at, std::size_t value) {
  bytes[at] = std::byte(value >> 8 & 0xff);
  bytes[at + 1] = std::byte(value & 0xff);
}
void put_be32(std::span<std::byte> bytes, std::size_t at, std::uint32_t value) {
  put_be16(bytes, at, value >> 16);
  put_be16(bytes, at + 2, value & 0xffff);
}

/// Where the network header starts and what it is.
struct NetworkLayer {
  std::size_t at = 0;
  std::uint16_t ether_type = 0;
};

NetworkLayer network_layer(std::span<const std::byte> frame) {
  std::size_t at = kEthernetHeader;
  std::uint16_t type = be16_at(frame, at - 2);
  for (int tags = 0; tags < 2 && (type == kEtherTypeVlan || type == kEtherTypeServiceVlan); ++tags) {
    if (frame.size() < at + kVlanTag) break;
    at += kVlanTag;
    type = be16_at(frame, at - 2);
  }
  return {at, type};
}

}  // namespace

const char* describe(SegmentError error) {
  switch (error) {
    case SegmentError::kNotIp:
      return "the frame to segment is not of the promised IP version";
    case SegmentError::kIpMalformed:
      return "the IP header does not end where the transport header starts";
    case SegmentError::kFragment:
      return "the frame to segment is an IP fragment";
    case SegmentError::kTransportMalformed:
      return "the transport header of the frame to segment is malformed";
    case SegmentError::kHeadersTooLong:
      return "the headers of the frame to segment are longer than 256 bytes";
  }
  return "unknown";
}

Result<Segmenter, SegmentError> Segmenter::make(std::span<std::byte> frame, const NetHeader& header) {
  Segmenter made;
  made.frame_ = frame;
  made.udp_ = header.segmentation == Segmentation::kUdp;
  made.segment_bytes_ = header.segment_bytes;
  if (frame.size() < kEthernetHeader || made.segment_bytes_ == 0)
    return Err{SegmentError::kTransportMalformed};

  const NetworkLayer network = network_layer(frame);
  made.l3_ = network.at;
  made.l4_ = header.checksum_start;
  made.ipv6_ = network.ether_type == kEtherTypeIpv6;
  const bool version_fits =
      made.ipv6_ ? header.segmentation != Segmentation::kTcp4
                 : network.ether_type == kEtherTypeIpv4 && header.segmentation != Segmentation::kTcp6;
  if (!version_fits) return Err{SegmentError::kNotIp};

  const std::size_t smallest_ip = made.ipv6_ ? kIpv6Header : kIpv4Header;
  if (made.l4_ < made.l3_ + smallest_ip || made.l4_ + (made.udp_ ? kUdpBytes : kSmallestTcp) > frame.size()) {
    return Err{SegmentError::kIpMalformed};
  }
  const auto ip = std::span<const std::byte>(frame).subspan(made.l3_);
  const std::uint8_t protocol = made.udp_ ? kProtocolUdp : kProtocolTcp;
  if (made.ipv6_) {
    // Extension headers are carried along unread: the driver says where TCP or UDP starts.
    if (byte_at(ip, 0) >> 4 != 6) return Err{SegmentError::kIpMalformed};
    if (made.l4_ == made.l3_ + kIpv6Header && byte_at(ip, 6) != protocol)
      return Err{SegmentError::kTransportMalformed};
  } else {
    if (byte_at(ip, 0) >> 4 != 4 || made.l3_ + (byte_at(ip, 0) & 0xfu) * 4 != made.l4_) {
      return Err{SegmentError::kIpMalformed};
    }
    if ((be16_at(ip, 6) & 0x3fff) != 0)
      return Err{SegmentError::kFragment};  // more to come, or not the first
    if (byte_at(ip, 9) != protocol) return Err{SegmentError::kTransportMalformed};
  }

  const std::size_t l4_bytes = made.udp_ ? kUdpBytes : (byte_at(frame, made.l4_ + 12) >> 4) * std::size_t{4};
  made.header_bytes_ = made.l4_ + l4_bytes;
  if (l4_bytes < (made.udp_ ? kUdpBytes : kSmallestTcp) || made.header_bytes_ >= frame.size()) {
    return Err{SegmentError::kTransportMalformed};
  }
  if (made.header_bytes_ > kMaxHeaders) return Err{SegmentError::kHeadersTooLong};
  std::memcpy(made.headers_.data(), frame.data(), made.header_bytes_);
  made.build();
  return made;
}

void Segmenter::advance() {
  if (current_.empty()) return;
  at_ += current_.size() - header_bytes_;
  ++index_;
  if (header_bytes_ + at_ >= frame_.size()) {
    current_ = {};
  } else {
    build();
  }
}

void Segmenter::build() {
  const std::size_t left = frame_.size() - header_bytes_ - at_;
  const std::size_t payload = std::min<std::size_t>(left, segment_bytes_);
  const bool last = payload == left;
  current_ = frame_.subspan(at_, header_bytes_ + payload);
  std::memcpy(current_.data(), headers_.data(), header_bytes_);
  const auto ip = current_.subspan(l3_);
  const auto l4 = current_.subspan(l4_);

  InternetChecksum pseudo;
  if (ipv6_) {
    put_be16(ip, 4, ip.size() - kIpv6Header);
    pseudo.add(ip.subspan(8, 32));
  } else {
    put_be16(ip, 2, ip.size());
    put_be16(ip, 4, be16_at(ip, 4) + index_);  // each its own identification, as if sent one by one
    put_be16(ip, 10, 0);
    InternetChecksum header;
    header.add(ip.first(l4_ - l3_));
    put_be16(ip, 10, header.result());
    pseudo.add(ip.subspan(12, 8));
  }
  pseudo.add_be32(static_cast<std::uint32_t>(l4.size()));
  pseudo.add_be32(udp_ ? kProtocolUdp : kProtocolTcp);

  const std::size_t checksum_at = udp_ ? 6 : 16;
  if (udp_) {
    put_be16(l4, 4, l4.size());
  } else {
    put_be32(l4, 4, be32_at(l4, 4) + static_cast<std::uint32_t>(at_));
    std::uint8_t flags = byte_at(l4, 13);
    if (!last) flags &= static_cast<std::uint8_t>(~(kFin | kPsh));
    if (index_ != 0) flags &= static_cast<std::uint8_t>(~kCwr);  // once a window (RFC 3168 §6.1.2)
    l4[13] = std::byte{flags};
  }
  put_be16(l4, checksum_at, static_cast<std::uint16_t>(~pseudo.result()));
  finish_checksum(current_, l4_, checksum_at);
}

}  // namespace hawser::virtio
