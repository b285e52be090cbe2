// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The Internet checksum (RFC 1071), for those frames whose other side does not finish them itself.
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser::virtio {

/// A ones' complement sum over any number of pieces. Pieces of odd length join as if they were one string of bytes.
class InternetChecksum {
 public:
  void add(std::span<const std::byte> bytes) {
    if (odd_ && !bytes.empty()) {
      add_byte(bytes[0], 8);
      bytes = bytes.subspan(1);
      odd_ = false;
    }
    while (bytes.size() >= 4) {  // the sum of 2^32 words of 32 bits fits; no frame comes near
      std::uint32_t word;
      std::memcpy(&word, bytes.data(), 4);
      sum_ += little(word);
      bytes = bytes.subspan(4);
    }
    for (const std::byte byte : bytes) {
      add_byte(byte, odd_ ? 8 : 0);
      odd_ = !odd_;
    }
  }

  /// A number as it lies in a header: most significant byte first.
  void add_be16(std::uint16_t value) { add_pair(std::byte(value >> 8), std::byte(value & 0xff)); }
  void add_be32(std::uint32_t value) {
    add_be16(static_cast<std::uint16_t>(value >> 16));
    add_be16(static_cast<std::uint16_t>(value));
  }

  /// The 16 bits to store most significant byte first. A header that sums up right gives 0 here.
  std::uint16_t result() const {
    std::uint64_t sum = sum_;
    while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
    return byte_swap(
        static_cast<std::uint16_t>(~sum));  // summed with the bytes of each pair exchanged (RFC 1071 §2 B)
  }

 private:
  void add_byte(std::byte byte, unsigned shift) {
    sum_ += std::uint64_t{std::to_integer<std::uint8_t>(byte)} << shift;
  }
  void add_pair(std::byte first, std::byte second) {
    add_byte(first, odd_ ? 8 : 0);
    add_byte(second, odd_ ? 0 : 8);
  }

  std::uint64_t sum_ = 0;
  bool odd_ = false;  ///< An odd number of bytes has been added.
};

/// Does what needs_checksum leaves undone: sums from `start` to the end, where the field at start + offset holds the
/// sum of the pseudo header, and stores the result there. False, and nothing changed, if the field is outside.
bool finish_checksum(std::span<std::byte> frame, std::size_t start, std::size_t offset);

}  // namespace hawser::virtio
