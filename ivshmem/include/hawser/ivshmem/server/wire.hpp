// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The words of the ivshmem server protocol, version 0 (QEMU docs/specs/ivshmem-spec): one 8-byte little-endian
// signed number a message, with at most one descriptor beside it; from the server to the client only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hawser::ivshmem::wire {

inline constexpr std::int64_t kVersion = 0;
inline constexpr std::int64_t kMemory = -1;  ///< Comes with the shared object.
inline constexpr std::int64_t kMaxId = 65535;
inline constexpr std::size_t kMessageSize = 8;

using Bytes = std::array<std::byte, kMessageSize>;

constexpr Bytes encode(std::int64_t value) {
  Bytes bytes{};
  for (std::size_t i = 0; i < kMessageSize; ++i) {
    bytes[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
  return bytes;
}

constexpr std::int64_t decode(std::span<const std::byte, kMessageSize> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kMessageSize; ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return static_cast<std::int64_t>(value);
}

/// Why a server of ours lets somebody not in. Sent where the version or the own id would stand: stock QEMU
/// then exits (or fails device_add) with a sentence, where it would hang for ever on a silent or closed socket.
/// The numbers are those of Linux's errno, negated, so that "server sent version -13" can be looked up.
enum class Refusal : std::int64_t {
  kNotAdmitted = -13,    ///< EACCES
  kNoDescriptors = -24,  ///< EMFILE
  kFull = -28,           ///< ENOSPC
  kNoIds = -75,          ///< EOVERFLOW
  kTooLate = -110,       ///< ETIMEDOUT
};

constexpr std::string_view sentence(std::int64_t refusal) {
  switch (static_cast<Refusal>(refusal)) {
    case Refusal::kNotAdmitted:
      return "the server's policy does not admit this user";
    case Refusal::kNoDescriptors:
      return "the server has no file descriptors left";
    case Refusal::kFull:
      return "the link has as many peers as it may have";
    case Refusal::kNoIds:
      return "every peer id has been seen by a client that is still connected";
    case Refusal::kTooLate:
      return "this client read nothing for too long";
  }
  return {};
}

}  // namespace hawser::ivshmem::wire
