// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Cuts one large TCP or UDP frame into frames that fit a wire: what a receiver needs who did not negotiate
// segmentation. In place: each segment's headers are written just before its payload, over bytes already consumed.
#pragma once

#include <hawser/virtio/net_offload.hpp>

#include <hawser/transport/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio {

enum class SegmentError : std::uint8_t {
  kNotIp,        ///< The EtherType (behind at most two VLAN tags) is not the one that the header promises.
  kIpMalformed,  ///< The IP header does not end where the transport header starts.
  kFragment,     ///< A fragment can not be cut again.
  kTransportMalformed,  ///< Another protocol, or a header longer than the frame.
  kHeadersTooLong,      ///< More than kMaxHeaders bytes before the payload.
};
const char* describe(SegmentError error);

/// The segments of one frame, first to last.
class Segmenter {
 public:
  static constexpr std::size_t kMaxHeaders = 256;

  Segmenter() = default;

  /// `frame` is private memory, stays in place until the last segment is consumed, and is written to. `header`
  /// comes from check_header() for this frame and asks for segmentation.
  static Result<Segmenter, SegmentError> make(std::span<std::byte> frame, const NetHeader& header);

  /// The segment at hand, checksums computed. Empty when all are consumed. It lies inside the frame.
  std::span<const std::byte> current() const { return current_; }

  /// Goes to the next. Overwrites the one before.
  void advance();

 private:
  void build();

  std::span<std::byte> frame_;
  std::span<std::byte> current_;
  std::array<std::byte, kMaxHeaders> headers_{};  ///< As they came.
  std::size_t header_bytes_ = 0;
  std::size_t l3_ = 0;  ///< Where the IP header starts.
  std::size_t l4_ = 0;
  std::size_t at_ = 0;  ///< Payload bytes before the segment at hand.
  std::uint16_t index_ = 0;
  std::uint16_t segment_bytes_ = 0;
  bool ipv6_ = false;
  bool udp_ = false;
};

}  // namespace hawser::virtio
