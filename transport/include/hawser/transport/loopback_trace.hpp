// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What one end of a loopback link did, in order and without times: two runs of one script on the two forms of
// the link give equal traces.
#pragma once

#include <hawser/transport/link.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::loopback {

enum class TraceKind : std::uint8_t {
  kSent,
  kReceived,
  kWentUp,
  kWentDown,
  kBroke
};

struct TraceEvent {
  TraceKind kind = TraceKind::kSent;
  Epoch epoch;               ///< The epoch that the message belongs to, or that began or ended.
  std::uint32_t length = 0;  ///< Bytes of the message.
  std::uint64_t digest = 0;  ///< FNV-1a of the message's bytes.
  constexpr bool operator==(const TraceEvent&) const = default;
};

/// Records into storage that was handed in; counts on when it is full.
class Trace {
 public:
  explicit Trace(std::span<TraceEvent> storage) : storage_(storage) {}

  void record(const TraceEvent& event) {
    if (count_ < storage_.size()) storage_[count_] = event;
    ++count_;
  }
  std::span<const TraceEvent> events() const {
    return storage_.first(count_ < storage_.size() ? count_ : storage_.size());
  }
  /// Events that found no room.
  std::size_t missed() const { return count_ - events().size(); }

 private:
  std::span<TraceEvent> storage_;
  std::size_t count_ = 0;
};

constexpr std::uint64_t kDigestStart = 0xcbf29ce484222325;

constexpr std::uint64_t digest(std::span<const std::byte> bytes, std::uint64_t start = kDigestStart) {
  std::uint64_t sum = start;
  for (const std::byte b : bytes) sum = (sum ^ std::to_integer<std::uint64_t>(b)) * 0x100000001b3;
  return sum;
}

}  // namespace hawser::loopback
