// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a party to network traffic leaves undone (checksums, segmentation), and the door through which every
// virtio_net_hdr from the other side passes before anybody acts on it. Used by device, driver and backends.
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/net_spec.hpp>

#include <hawser/transport/result.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio {

inline constexpr std::size_t kEthernetHeader = 14;
inline constexpr std::size_t kVlanTag = 4;

/// Bytes of the longest frame, Ethernet header included, net header not (§5.1.6.3.1: 65562 with the net header).
inline constexpr std::size_t kMaxFrame = 65550;

/// The least that a device may call its MTU (§5.1.4.1), as IPv4 has it (RFC 791).
inline constexpr std::uint16_t kSmallestMtu = 68;

/// Work on a frame that one side may leave to the other. UFO is not among it: Hawser never offers that.
struct NetOffloads {
  bool checksum = false;  ///< TCP and UDP checksums.
  bool tso4 = false;      ///< Cutting TCP over IPv4 into segments.
  bool tso6 = false;
  bool ecn = false;   ///< ... also when the first segment carries CWR.
  bool uso4 = false;  ///< Cutting UDP over IPv4 into datagrams.
  bool uso6 = false;

  constexpr bool operator==(const NetOffloads&) const = default;
  constexpr NetOffloads operator&(const NetOffloads& o) const {
    return {checksum && o.checksum, tso4 && o.tso4, tso6 && o.tso6,
            ecn && o.ecn,           uso4 && o.uso4, uso6 && o.uso6};
  }
  constexpr bool segmentation() const { return tso4 || tso6 || uso4 || uso6; }

  static constexpr NetOffloads all() { return {true, true, true, true, true, true}; }
};

/// What the driver may leave to the device in what it sends, and the other way round.
NetOffloads host_offloads(const Features& negotiated);
NetOffloads guest_offloads(const Features& negotiated);
Features host_features(const NetOffloads& offloads);
Features guest_features(const NetOffloads& offloads);

/// §5.1.3.1: takes away each feature that lacks one it depends on.
Features net_without_unmet(Features features);

/// What a header asks for.
enum class Segmentation : std::uint8_t {
  kNone,
  kTcp4,
  kTcp6,
  kUdp
};

/// A header that passed check_header(): host byte order, nothing in it points outside its frame.
struct NetHeader {
  bool needs_checksum =
      false;  ///< Sum from checksum_start to the end, store at checksum_start + checksum_offset.
  bool checksum_good = false;  ///< The checksum has been verified on the way; need not be again.
  bool ecn = false;
  Segmentation segmentation = Segmentation::kNone;
  std::uint16_t header_bytes = 0;   ///< A hint: Ethernet, IP and transport headers.
  std::uint16_t segment_bytes = 0;  ///< Payload of each segment; not 0 if segmentation is asked for.
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;
  constexpr bool operator==(const NetHeader&) const = default;
};

enum class HeaderError : std::uint8_t {
  kFrameTooShort,  ///< No room for an Ethernet header.
  kFrameTooLong,   ///< More than kMaxFrame.
  kChecksumNotNegotiated,
  kChecksumOutsideTheFrame,
  kSegmentationUnknown,  ///< No gso_type of the specification.
  kSegmentationNotNegotiated,
  kSegmentationWithoutChecksum,  ///< §5.1.6.2.1
  kSegmentSizeZero,
  kSegmentationHeaderMalformed,  ///< Checksum fields that do not fit the transport protocol.
};
const char* describe(HeaderError error);

/// Checks a header that arrived with a frame of `frame_bytes` against what its sender may leave undone.
Result<NetHeader, HeaderError> check_header(const virtio_net_hdr& wire, std::size_t frame_bytes,
                                            const NetOffloads& allowed);

/// The header as it goes on the wire.
virtio_net_hdr to_wire(const NetHeader& header, std::uint16_t buffers);

// Most headers say nothing. For these, whoever handles many frames has a shorter way, without a header put together of
// pieces and copied: that waits until all stores before it have left the processor.

/// What arrived says nothing and its frame has a length that a frame can have: check_header() gives NetHeader{}.
inline bool plain(const virtio_net_hdr& wire, std::size_t frame_bytes) {
  return (wire.flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) == 0 &&
         wire.gso_type == VIRTIO_NET_HDR_GSO_NONE && frame_bytes >= kEthernetHeader &&
         frame_bytes <= kMaxFrame;
}

/// What leaves says nothing: to_wire() gives zeros, but for the number of buffers.
constexpr bool plain(const NetHeader& header) {
  return !header.needs_checksum && !header.checksum_good && header.segmentation == Segmentation::kNone;
}

}  // namespace hawser::virtio
