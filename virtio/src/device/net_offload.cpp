// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/net_offload.hpp>

#include <algorithm>

namespace hawser::virtio {

namespace {

constexpr std::uint16_t kTcpChecksumOffset = 16;
constexpr std::uint16_t kUdpChecksumOffset = 6;
constexpr std::size_t kTcpHeader = 20;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kSmallestIpHeader = 20;

Result<Segmentation, HeaderError> segmentation_of(std::uint8_t gso_type, const NetOffloads& allowed) {
  const bool ecn = (gso_type & VIRTIO_NET_HDR_GSO_ECN) != 0;
  Segmentation kind = Segmentation::kNone;
  bool permitted = false;
  switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE:
      return ecn ? Result<Segmentation, HeaderError>(Err{HeaderError::kSegmentationUnknown}) : kind;
    case VIRTIO_NET_HDR_GSO_TCPV4:
      kind = Segmentation::kTcp4;
      permitted = allowed.tso4;
      break;
    case VIRTIO_NET_HDR_GSO_TCPV6:
      kind = Segmentation::kTcp6;
      permitted = allowed.tso6;
      break;
    case VIRTIO_NET_HDR_GSO_UDP_L4:
      kind = Segmentation::kUdp;
      permitted = allowed.uso4 || allowed.uso6;
      break;
    case VIRTIO_NET_HDR_GSO_UDP:
      return Err{HeaderError::kSegmentationNotNegotiated};
    default:
      return Err{HeaderError::kSegmentationUnknown};
  }
  if (ecn && kind == Segmentation::kUdp) return Err{HeaderError::kSegmentationUnknown};
  if (!permitted || (ecn && !allowed.ecn)) return Err{HeaderError::kSegmentationNotNegotiated};
  return kind;
}

}  // namespace

NetOffloads host_offloads(const Features& f) {
  const bool uso = f.has(VIRTIO_NET_F_HOST_USO);
  return {f.has(VIRTIO_NET_F_CSUM),
          f.has(VIRTIO_NET_F_HOST_TSO4),
          f.has(VIRTIO_NET_F_HOST_TSO6),
          f.has(VIRTIO_NET_F_HOST_ECN),
          uso,
          uso};
}

NetOffloads guest_offloads(const Features& f) {
  return {f.has(VIRTIO_NET_F_GUEST_CSUM), f.has(VIRTIO_NET_F_GUEST_TSO4), f.has(VIRTIO_NET_F_GUEST_TSO6),
          f.has(VIRTIO_NET_F_GUEST_ECN),  f.has(VIRTIO_NET_F_GUEST_USO4), f.has(VIRTIO_NET_F_GUEST_USO6)};
}

Features host_features(const NetOffloads& o) {
  Features f;
  f.set(VIRTIO_NET_F_CSUM, o.checksum);
  f.set(VIRTIO_NET_F_HOST_TSO4, o.checksum && o.tso4);
  f.set(VIRTIO_NET_F_HOST_TSO6, o.checksum && o.tso6);
  f.set(VIRTIO_NET_F_HOST_ECN, o.checksum && o.ecn && (o.tso4 || o.tso6));
  f.set(VIRTIO_NET_F_HOST_USO, o.checksum && o.uso4 && o.uso6);  // one bit for both
  return f;
}

Features guest_features(const NetOffloads& o) {
  Features f;
  f.set(VIRTIO_NET_F_GUEST_CSUM, o.checksum);
  f.set(VIRTIO_NET_F_GUEST_TSO4, o.checksum && o.tso4);
  f.set(VIRTIO_NET_F_GUEST_TSO6, o.checksum && o.tso6);
  f.set(VIRTIO_NET_F_GUEST_ECN, o.checksum && o.ecn && (o.tso4 || o.tso6));
  f.set(VIRTIO_NET_F_GUEST_USO4, o.checksum && o.uso4);
  f.set(VIRTIO_NET_F_GUEST_USO6, o.checksum && o.uso6);
  return f;
}

Features net_without_unmet(Features f) {
  struct Rule {
    std::uint8_t feature;
    std::uint8_t needs;
    std::uint8_t or_needs;
  };
  // In an order in which one pass is enough: what is needed comes before what needs it.
  constexpr Rule kRules[] = {
      {VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM},
      {VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM},
      {VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6},
      {VIRTIO_NET_F_GUEST_UFO, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM},
      {VIRTIO_NET_F_GUEST_USO4, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM},
      {VIRTIO_NET_F_GUEST_USO6, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM},
      {VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM},
      {VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM},
      {VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6},
      {VIRTIO_NET_F_HOST_UFO, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM},
      {VIRTIO_NET_F_HOST_USO, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM},
      {VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ},
      {VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ},
      {VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ},
      {VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ},
      {VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ},
      {VIRTIO_NET_F_MQ, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ},
      {VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ},
  };
  for (const Rule& rule : kRules) {
    if (!f.has(rule.needs) && !f.has(rule.or_needs)) f.set(rule.feature, false);
  }
  return f;
}

const char* describe(HeaderError error) {
  switch (error) {
    case HeaderError::kFrameTooShort:
      return "the frame has no room for an Ethernet header";
    case HeaderError::kFrameTooLong:
      return "the frame is longer than 65550 bytes";
    case HeaderError::kChecksumNotNegotiated:
      return "a checksum was left undone without having been negotiated";
    case HeaderError::kChecksumOutsideTheFrame:
      return "the checksum to fill in lies outside the frame";
    case HeaderError::kSegmentationUnknown:
      return "the gso_type is none of the specification's";
    case HeaderError::kSegmentationNotNegotiated:
      return "segmentation was left undone without having been negotiated";
    case HeaderError::kSegmentationWithoutChecksum:
      return "segmentation is asked for, but not the checksum";
    case HeaderError::kSegmentSizeZero:
      return "segments of zero bytes are asked for";
    case HeaderError::kSegmentationHeaderMalformed:
      return "the checksum fields do not fit the protocol to segment";
  }
  return "unknown";
}

Result<NetHeader, HeaderError> check_header(const virtio_net_hdr& wire, std::size_t frame_bytes,
                                            const NetOffloads& allowed) {
  if (frame_bytes < kEthernetHeader) return Err{HeaderError::kFrameTooShort};
  if (frame_bytes > kMaxFrame) return Err{HeaderError::kFrameTooLong};
  NetHeader header;
  if ((wire.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
    if (!allowed.checksum) return Err{HeaderError::kChecksumNotNegotiated};
    header.needs_checksum = true;
    header.checksum_start = wire.csum_start;
    header.checksum_offset = wire.csum_offset;
    const std::size_t end = std::size_t{header.checksum_start} + header.checksum_offset + 2;
    if (header.checksum_start < kEthernetHeader || end > frame_bytes) {
      return Err{HeaderError::kChecksumOutsideTheFrame};
    }
  } else if ((wire.flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0) {
    header.checksum_good = allowed.checksum;
  }

  HAWSER_TRY(kind, segmentation_of(wire.gso_type, allowed));
  if (kind == Segmentation::kNone) return header;
  header.segmentation = kind;
  header.ecn = (wire.gso_type & VIRTIO_NET_HDR_GSO_ECN) != 0;
  header.segment_bytes = wire.gso_size;
  if (!header.needs_checksum) return Err{HeaderError::kSegmentationWithoutChecksum};
  if (header.segment_bytes == 0) return Err{HeaderError::kSegmentSizeZero};
  const bool udp = kind == Segmentation::kUdp;
  const std::size_t headers = std::size_t{header.checksum_start} + (udp ? kUdpHeader : kTcpHeader);
  if (header.checksum_start < kEthernetHeader + kSmallestIpHeader || headers > frame_bytes ||
      headers > UINT16_MAX || header.checksum_offset != (udp ? kUdpChecksumOffset : kTcpChecksumOffset)) {
    return Err{HeaderError::kSegmentationHeaderMalformed};
  }
  // hdr_len is only a hint (§5.1.6.2.2), but kernels refuse one that is outside the frame or cuts a header.
  header.header_bytes = static_cast<std::uint16_t>(
      std::clamp<std::size_t>(wire.hdr_len, headers, std::min<std::size_t>(frame_bytes, UINT16_MAX)));
  return header;
}

virtio_net_hdr to_wire(const NetHeader& header, std::uint16_t buffers) {
  virtio_net_hdr wire{};
  if (header.needs_checksum) {
    wire.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    wire.csum_start = header.checksum_start;
    wire.csum_offset = header.checksum_offset;
  } else if (header.checksum_good) {
    wire.flags = VIRTIO_NET_HDR_F_DATA_VALID;
  }
  switch (header.segmentation) {
    case Segmentation::kNone:
      break;
    case Segmentation::kTcp4:
      wire.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
      break;
    case Segmentation::kTcp6:
      wire.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
      break;
    case Segmentation::kUdp:
      wire.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
      break;
  }
  if (header.segmentation != Segmentation::kNone) {
    if (header.ecn) wire.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
    wire.hdr_len = header.header_bytes;
    wire.gso_size = header.segment_bytes;
  }
  wire.num_buffers = buffers;
  return wire;
}

}  // namespace hawser::virtio
