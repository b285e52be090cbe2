// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a server says, made sense of. Touches no socket and no descriptor: bytes and counts in, events out, so
// that it can be fuzzed and replayed. Total: every input is an event or a named fault, and a fault is for ever.
#pragma once

#include <hawser/ivshmem/server/wire.hpp>

#include <bitset>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>

namespace hawser::ivshmem {

class Decoder {
 public:
  enum class Kind : std::uint8_t {
    kPending,     ///< The message is not complete yet.
    kVersion,     ///< The version is ours.
    kOwnId,       ///< `id` is ours.
    kMemory,      ///< The descriptor is the shared object.
    kOwnVector,   ///< The descriptor is where we are rung on `vector`.
    kPeerVector,  ///< The descriptor rings `vector` of peer `id`.
    kPeerGone,    ///< Peer `id` will not come back under this id soon.
    kIgnored,     ///< A legal message with nothing to do; a descriptor that came with it is to be closed.
    kFault,       ///< `fault` says why nothing more is believed.
  };

  enum class Fault : std::uint8_t {
    kNone,
    kRefused,
    kVersion,
    kOwnId,
    kMemoryMissing,
    kMemoryTwice,
    kEarlyVector,
    kTooManyVectors,
    kUnknownMessage,
    kStrayDescriptor,
    kManyDescriptors,
    kSplitDescriptor,
    kOwnGone,
  };

  struct Event {
    Kind kind = Kind::kPending;
    std::uint16_t id = 0;
    std::uint16_t vector = 0;
    Fault fault = Fault::kNone;
    std::int64_t value = 0;  ///< the number as received; for the sentence about a fault
  };

  /// @param max_peers  more are ignored, not an error: their vectors would only cost descriptors.
  explicit Decoder(std::uint32_t max_peers) : max_peers_(max_peers) {}

  /// How many bytes the current message still lacks, 1 to 8: never read more at once.
  std::size_t wanted() const { return wire::kMessageSize - have_; }

  /// Takes what one read gave: 1 to wanted() bytes, and how many descriptors came with them.
  Event feed(std::span<const std::byte> bytes, std::size_t descriptors);

  std::uint16_t own_vectors() const { return own_vectors_; }
  std::size_t peers() const { return peers_.size(); }

 private:
  enum class State : std::uint8_t {
    kVersion,
    kOwnId,
    kOpen,
    kBroken
  };

  Event message(std::int64_t value, bool descriptor);
  Event vector_of(std::uint16_t id);
  Event fail(Fault fault, std::int64_t value);

  State state_ = State::kVersion;
  Event broken_{};
  wire::Bytes partial_{};
  std::size_t have_ = 0;
  bool descriptor_ = false;
  bool memory_ = false;
  std::uint16_t own_id_ = 0;
  std::uint16_t own_vectors_ = 0;
  std::uint32_t max_peers_;
  std::unordered_map<std::uint16_t, std::uint16_t> peers_;  // id -> vectors so far
  std::bitset<65536> ignored_;                              // over max_peers when they came
};

/// Reads after "the server ".
std::string_view sentence(Decoder::Fault fault);

}  // namespace hawser::ivshmem
