// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Bytes to messages and back. Total: every byte string is a message or has a named error.
#pragma once

#include <hawser/virtio/msg/message.hpp>

#include <hawser/transport/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::virtio::msg {

enum class DecodeError : std::uint8_t {
  kShorterThanAHeader,
  kSizeDisagrees,            ///< msg_size is less than a header, or more than the bytes that came.
  kBusMessageNamesADevice,   ///< dev_num must be 0 in a bus message.
  kUnknownMessage,           ///< No such type and id, or implementation-defined.
  kPayloadTooShort,          ///< Longer is fine: an extension that we do not know.
  kTailShorterThanItsCount,  ///< Fewer blocks, data or bitmap bytes than announced.
  kFeatureBitsNotInBlocks,   ///< v1: num_feature_bits is not a multiple of 32.
};

enum class EncodeError : std::uint8_t {
  kTooLong,           ///< Does not fit into the bytes handed in.
  kNotRepresentable,  ///< A value or a length that this wire has no room for.
};

/// A sentence for logs, without a final period.
const char* describe(DecodeError error);

/// The header of a frame, whatever follows it. Nothing when it is not even that.
struct Header {
  Type type;
  std::uint8_t id;
  std::uint16_t device;
  std::uint16_t token;
  std::uint16_t size;
};
std::optional<Header> peek(std::span<const std::byte> frame);

/// `frame` must be private memory: views in the result point into it. Bytes after msg_size are the carrier's padding.
Result<Message, DecodeError> decode(std::span<const std::byte> frame, WireVersion wire);

/// Writes the message to the front of `out`; the number of bytes written.
Result<std::size_t, EncodeError> encode(const Message& message, WireVersion wire, std::span<std::byte> out);

}  // namespace hawser::virtio::msg
