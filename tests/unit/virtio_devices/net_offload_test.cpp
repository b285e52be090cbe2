// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/net_offload.hpp>

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::virtio;

namespace {

virtio_net_hdr wire(std::uint8_t flags, std::uint8_t gso_type, unsigned gso_size, unsigned start,
                    unsigned offset) {
  return {flags,
          gso_type,
          le16(0),
          le16(static_cast<std::uint16_t>(gso_size)),
          le16(static_cast<std::uint16_t>(start)),
          le16(static_cast<std::uint16_t>(offset)),
          le16(0)};
}
constexpr std::uint8_t kCsum = VIRTIO_NET_HDR_F_NEEDS_CSUM;

HeaderError refusal(const virtio_net_hdr& header, std::size_t frame,
                    const NetOffloads& allowed = NetOffloads::all()) {
  const auto checked = check_header(header, frame, allowed);
  REQUIRE_FALSE(checked.ok());
  return checked.error();
}

}  // namespace

TEST_CASE("a header lays its fields out as VIRTIO 1.3 §5.1.6 says") {
  NetHeader header;
  header.needs_checksum = true;
  header.checksum_start = 0x1234;
  header.checksum_offset = 0x5678;
  header.segmentation = Segmentation::kTcp6;
  header.ecn = true;
  header.header_bytes = 0x9abc;
  header.segment_bytes = 0xdef0;
  const virtio_net_hdr made = to_wire(header, 0x1122);
  const unsigned expected[] = {0x01, 0x84, 0xbc, 0x9a, 0xf0, 0xde, 0x34, 0x12, 0x78, 0x56, 0x22, 0x11};
  const auto bytes = wire_bytes(made);
  REQUIRE(bytes.size() == 12);
  for (std::size_t at = 0; at < 12; ++at) CHECK(std::to_integer<unsigned>(bytes[at]) == expected[at]);
}

TEST_CASE("a header that passes comes back as it was sent") {
  for (const std::uint8_t gso : {0, 1, 4, 5, 0x81, 0x84}) {
    const virtio_net_hdr sent = wire(kCsum, gso, gso == 0 ? 0 : 1448, 34, gso == 5 ? 6 : 16);
    const auto checked = check_header(sent, 4000, NetOffloads::all());
    REQUIRE(checked.ok());
    const virtio_net_hdr again = to_wire(*checked, 0);
    CHECK(again.flags == sent.flags);
    CHECK(again.gso_type == sent.gso_type);
    CHECK(std::uint16_t{again.gso_size} == std::uint16_t{sent.gso_size});
    CHECK(std::uint16_t{again.csum_start} == 34);
    CHECK(std::uint16_t{again.csum_offset} == std::uint16_t{sent.csum_offset});
  }
}

TEST_CASE("a checksum field must lie inside the frame to the last byte") {
  CHECK(check_header(wire(kCsum, 0, 0, 34, 16), 52, NetOffloads::all()).ok());
  CHECK(refusal(wire(kCsum, 0, 0, 34, 16), 51) == HeaderError::kChecksumOutsideTheFrame);
  CHECK(refusal(wire(kCsum, 0, 0, 65535, 65535), 1000) == HeaderError::kChecksumOutsideTheFrame);
  CHECK(refusal(wire(kCsum, 0, 0, 13, 0), 1000) == HeaderError::kChecksumOutsideTheFrame);
}

TEST_CASE("frames without an Ethernet header and frames beyond the longest are refused") {
  CHECK(refusal({}, 0) == HeaderError::kFrameTooShort);
  CHECK(refusal({}, 13) == HeaderError::kFrameTooShort);
  CHECK(check_header({}, 14, {}).ok());
  CHECK(check_header({}, kMaxFrame, {}).ok());
  CHECK(refusal({}, kMaxFrame + 1) == HeaderError::kFrameTooLong);
}

TEST_CASE("what was not negotiated is refused") {
  CHECK(refusal(wire(kCsum, 0, 0, 34, 16), 100, {}) == HeaderError::kChecksumNotNegotiated);
  NetOffloads only_checksum{.checksum = true};
  CHECK(refusal(wire(kCsum, 1, 100, 34, 16), 100, only_checksum) == HeaderError::kSegmentationNotNegotiated);
  CHECK(refusal(wire(kCsum, 4, 100, 34, 16), 100, only_checksum) == HeaderError::kSegmentationNotNegotiated);
  CHECK(refusal(wire(kCsum, 5, 100, 34, 6), 100, only_checksum) == HeaderError::kSegmentationNotNegotiated);
  NetOffloads no_ecn = NetOffloads::all();
  no_ecn.ecn = false;
  CHECK(refusal(wire(kCsum, 0x81, 100, 34, 16), 100, no_ecn) == HeaderError::kSegmentationNotNegotiated);
  CHECK(refusal(wire(kCsum, 3, 100, 34, 6), 100) ==
        HeaderError::kSegmentationNotNegotiated);  // UFO is never offered
}

TEST_CASE("nonsense about segmentation is refused, each with its reason") {
  CHECK(refusal(wire(kCsum, 2, 100, 34, 16), 100) == HeaderError::kSegmentationUnknown);
  CHECK(refusal(wire(kCsum, 0x80, 100, 34, 16), 100) == HeaderError::kSegmentationUnknown);
  CHECK(refusal(wire(kCsum, 0x85, 100, 34, 6), 100) == HeaderError::kSegmentationUnknown);
  CHECK(refusal(wire(0, 1, 100, 34, 16), 100) == HeaderError::kSegmentationWithoutChecksum);
  CHECK(refusal(wire(kCsum, 1, 0, 34, 16), 100) == HeaderError::kSegmentSizeZero);
  CHECK(refusal(wire(kCsum, 1, 100, 34, 6), 100) == HeaderError::kSegmentationHeaderMalformed);
  CHECK(refusal(wire(kCsum, 5, 100, 34, 16), 100) == HeaderError::kSegmentationHeaderMalformed);
  CHECK(refusal(wire(kCsum, 1, 100, 20, 16), 100) == HeaderError::kSegmentationHeaderMalformed);
  CHECK(refusal(wire(kCsum, 1, 100, 81, 16), 100) == HeaderError::kSegmentationHeaderMalformed);
  // Headers that end where hdr_len can not say.
  CHECK(refusal(wire(kCsum, 1, 100, 65520, 16), kMaxFrame) == HeaderError::kSegmentationHeaderMalformed);
}

TEST_CASE("the header length hint is brought inside the frame and around the headers") {
  virtio_net_hdr header = wire(kCsum, 1, 100, 34, 16);
  header.hdr_len = 60000;
  CHECK(check_header(header, 500, NetOffloads::all())->header_bytes == 500);
  header.hdr_len = 0;
  CHECK(check_header(header, 500, NetOffloads::all())->header_bytes == 54);
  header.hdr_len = 66;
  CHECK(check_header(header, 500, NetOffloads::all())->header_bytes == 66);
  header.hdr_len = 65535;
  CHECK(check_header(header, kMaxFrame, NetOffloads::all())->header_bytes == 65535);
}

TEST_CASE("unknown flags are ignored and without NEEDS_CSUM so are the checksum fields") {
  const auto checked = check_header(wire(0xfc, 0, 0, 65535, 65535), 100, {});
  REQUIRE(checked.ok());
  CHECK(*checked == NetHeader{});
}

TEST_CASE("features come without those whose needs are not met, VIRTIO 1.3 §5.1.3.1") {
  const Features lonely{VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_HOST_USO,
                        VIRTIO_NET_F_MQ,         VIRTIO_NET_F_CTRL_RX,   VIRTIO_NET_F_MAC,
                        VIRTIO_NET_F_GUEST_ECN};
  CHECK(net_without_unmet(lonely) == Features{VIRTIO_NET_F_MAC});
  const Features met{VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN,
                     VIRTIO_NET_F_CSUM,       VIRTIO_NET_F_HOST_TSO4,  VIRTIO_NET_F_HOST_ECN};
  CHECK(net_without_unmet(met) == met);
  CHECK(net_without_unmet({VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_ECN}) == Features{VIRTIO_NET_F_CSUM});
}

TEST_CASE("offloads and feature bits translate into each other") {
  CHECK(host_offloads(host_features(NetOffloads::all())) == NetOffloads::all());
  CHECK(guest_offloads(guest_features(NetOffloads::all())) == NetOffloads::all());
  CHECK(host_features({}) == Features{});
  CHECK(guest_features({.tso4 = true}) == Features{});  // not without the checksum
}
