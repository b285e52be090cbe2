// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A received frame, read from its front; it may wrap around the end of the control ring.
#pragma once

#include <hawser/transport/endian.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

namespace hawser::argo {

class FrameReader {
 public:
  explicit FrameReader(const std::array<std::span<const std::byte>, 2>& parts) : parts_(parts) {}

  /// A private copy of the W at the front of what is left, which then is left without it.
  template <Wire W>
  std::optional<W> cut() {
    if (left() < sizeof(W)) return std::nullopt;
    std::array<std::byte, sizeof(W)> bytes;
    std::size_t at = 0;
    for (auto& part : parts_) {
      const std::size_t now = std::min(part.size(), bytes.size() - at);
      if (now != 0) std::memcpy(bytes.data() + at, part.data(), now);
      at += now;
      part = part.subspan(now);
    }
    return read_wire<W>(bytes);
  }

  std::size_t left() const { return parts_[0].size() + parts_[1].size(); }
  const std::array<std::span<const std::byte>, 2>& rest() const { return parts_; }

 private:
  std::array<std::span<const std::byte>, 2> parts_;
};

}  // namespace hawser::argo
