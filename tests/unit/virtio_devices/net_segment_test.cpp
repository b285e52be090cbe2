// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "net_frames.hpp"

#include <hawser/virtio/device/net_segment.hpp>

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Bytes;
using hawser::test::FrameKind;

namespace {

std::vector<Bytes> cut(Bytes frame, const NetHeader& header) {
  std::vector<Bytes> segments;
  auto segmenter = Segmenter::make(frame, header);
  REQUIRE(segmenter.ok());
  for (; !segmenter->current().empty(); segmenter->advance()) {
    segments.emplace_back(segmenter->current().begin(), segmenter->current().end());
  }
  return segments;
}

Bytes joined_payload(const std::vector<Bytes>& segments) {
  Bytes joined;
  for (const Bytes& segment : segments) {
    joined.insert(joined.end(),
                  segment.begin() + static_cast<std::ptrdiff_t>(test::layout_of(segment).payload),
                  segment.end());
  }
  return joined;
}

SegmentError refusal(Bytes frame, const NetHeader& header) {
  auto segmenter = Segmenter::make(frame, header);
  REQUIRE_FALSE(segmenter.ok());
  return segmenter.error();
}

}  // namespace

TEST_CASE("every kind of frame is cut into valid frames whose payloads are the original's") {
  for (const bool ipv6 : {false, true}) {
    for (const bool udp : {false, true}) {
      for (const bool vlan : {false, true}) {
        for (const unsigned options : {0u, 3u}) {
          const FrameKind kind{
              .ipv6 = ipv6, .udp = udp, .vlan = vlan, .ip_options = options, .tcp_options = options};
          for (const std::size_t payload : {1u, 99u, 100u, 101u, 200u, 5001u}) {
            Bytes frame = test::make_frame(kind, test::pattern(payload));
            REQUIRE(test::wrong_with(frame) == "");
            const NetHeader header = test::leave_segmentation(frame, 100);
            const auto segments = cut(frame, header);
            REQUIRE(segments.size() == (payload + 99) / 100);
            for (const Bytes& segment : segments) REQUIRE(test::wrong_with(segment) == "");
            REQUIRE(joined_payload(segments) == test::pattern(payload));
          }
        }
      }
    }
  }
}

TEST_CASE("sequence numbers and identifications go on from segment to segment, over their wrap") {
  Bytes frame = test::make_frame({.sequence = 0xffffff00}, test::pattern(1000));
  const auto segments = cut(frame, test::leave_segmentation(frame, 300));
  REQUIRE(segments.size() == 4);
  for (unsigned n = 0; n < 4; ++n) {
    CHECK(test::get32(segments[n], 34 + 4) == 0xffffff00 + 300 * n);
    CHECK(test::get16(segments[n], 14 + 4) == ((0xfffe + n) & 0xffff));
  }
}

TEST_CASE("FIN and PSH come with the last segment only, CWR with the first only") {
  Bytes frame = test::make_frame({.tcp_flags = 0x80 | 0x10 | 0x08 | 0x01}, test::pattern(300));
  const auto segments = cut(frame, test::leave_segmentation(frame, 100));
  REQUIRE(segments.size() == 3);
  CHECK(test::get8(segments[0], 34 + 13) == (0x80 | 0x10));
  CHECK(test::get8(segments[1], 34 + 13) == 0x10);
  CHECK(test::get8(segments[2], 34 + 13) == (0x10 | 0x08 | 0x01));
}

TEST_CASE("the longest frame is cut into segments of one byte") {
  Bytes frame = test::make_frame({}, test::pattern(kMaxFrame - 14 - 40 - 1));
  const auto segments = cut(frame, test::leave_segmentation(frame, 1));
  CHECK(segments.size() == kMaxFrame - 14 - 40 - 1);
  CHECK(test::wrong_with(segments.back()) == "");
}

TEST_CASE("frames that are not what their header says are refused, each with its reason") {
  const Bytes good = test::make_frame({}, test::pattern(500));
  Bytes prepared = good;
  const NetHeader header = test::leave_segmentation(prepared, 100);
  const auto with = [&](std::size_t at, unsigned value) {
    Bytes changed = prepared;
    changed.at(at) = std::byte(value);
    return changed;
  };
  CHECK(refusal(with(12, 0x09), header) == SegmentError::kNotIp);
  CHECK(refusal(with(14, 0x65), header) == SegmentError::kIpMalformed);
  CHECK(refusal(with(14, 0x46), header) == SegmentError::kIpMalformed);
  CHECK(refusal(with(20, 0x20), header) == SegmentError::kFragment);
  CHECK(refusal(with(21, 0x01), header) == SegmentError::kFragment);
  CHECK(refusal(with(23, 17), header) == SegmentError::kTransportMalformed);
  CHECK(refusal(with(34 + 12, 0x40), header) == SegmentError::kTransportMalformed);
  NetHeader other = header;
  other.segmentation = Segmentation::kTcp6;
  CHECK(refusal(prepared, other) == SegmentError::kNotIp);
  other = header;
  other.checksum_start = 33;
  CHECK(refusal(prepared, other) == SegmentError::kIpMalformed);
  other.checksum_start = 60000;
  CHECK(refusal(prepared, other) == SegmentError::kIpMalformed);
  Bytes headers_only(prepared.begin(), prepared.begin() + 54);
  CHECK(refusal(headers_only, header) == SegmentError::kTransportMalformed);
  CHECK(refusal(Bytes(13), header) == SegmentError::kTransportMalformed);
  Bytes deep = test::make_frame({.ipv6 = true, .ip_options = 30}, test::pattern(500));
  const NetHeader deep_header = test::leave_segmentation(deep, 100);
  CHECK(refusal(deep, deep_header) == SegmentError::kHeadersTooLong);
}
