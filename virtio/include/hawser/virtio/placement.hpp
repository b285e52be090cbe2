// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How the bytes of a request come to the other side, and which way is best: measured (docs/performance.md, "Argo against
// ivshmem"), not guessed.
#pragma once

#include <hawser/transport/link.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::virtio {

enum class Placement : std::uint8_t {
  kInline,  ///< Copied next to the request that they belong to, so that many requests are one part of one message.
  kCopied,  ///< A part of a message of their own, which its carrier copies from where they lie.
  kShared,  ///< Where they lie: the other side sees the same memory.
};

constexpr std::string_view describe(Placement placement) {
  switch (placement) {
    case Placement::kInline:
      return "inline";
    case Placement::kCopied:
      return "copied";
    case Placement::kShared:
      return "shared";
  }
  return "unknown";
}

/// A message has few parts, and a request that finds too few of them left waits for the next message, which is a hypercall.
/// Up to here a copy costs less than that where a request has several pieces, so that few of them would fit.
inline constexpr std::uint32_t kMostInline = 2048;
/// And where it is one piece: as many as a message has parts fit anyway, and larger batches keep the two sides from working at
/// the same time. Up to here it goes inline in a message of its own, too: finding one more part costs the carrier more.
inline constexpr std::uint32_t kMostInlineAlone = 256;

/// @param bytes       of one piece.
/// @param pieces      of its request.
/// @param together    requests that the message carries, this one included.
/// @param visibility  what the link offers.
constexpr Placement choose(std::uint64_t bytes, std::size_t pieces, std::size_t together,
                           Visibility visibility) {
  if (visibility == Visibility::kShared) return Placement::kShared;
  const bool small = bytes <= (pieces > 1 && together > 1 ? kMostInline : kMostInlineAlone);
  return small ? Placement::kInline : Placement::kCopied;
}

/// The rule, or what overrules it.
constexpr Placement choose(std::optional<Placement> wanted, std::uint64_t bytes, std::size_t pieces,
                           std::size_t together, Visibility visibility) {
  return wanted ? *wanted : choose(bytes, pieces, together, visibility);
}

/// What a user asked for, or why that can not be.
struct WantedPlacement {
  std::optional<Placement> placement;  ///< Nothing: by the rule.
  const char* refused = nullptr;
};

/// @param word  "inline", "copied", "shared" or "auto".
constexpr WantedPlacement wanted_placement(std::string_view word, Visibility visibility) {
  const bool shared = visibility == Visibility::kShared;
  if (word == "auto") return {};
  if (word == "shared" && shared) return {Placement::kShared};
  if (word == "inline" && !shared) return {Placement::kInline};
  if (word == "copied" && !shared) return {Placement::kCopied};
  if (word != "inline" && word != "copied" && word != "shared")
    return {{}, "a placement is auto, inline, copied or shared"};
  return {{},
          shared ? "where memory is shared, bytes stay where they lie: the placement is auto or shared"
                 : "this link shares no memory: the placement is auto, inline or copied"};
}

}  // namespace hawser::virtio
