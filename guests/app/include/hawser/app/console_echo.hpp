// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A terminal that says what it hears, and grows when it has heard enough, so that both bytes and resizing can be checked.
#pragma once

#include <hawser/virtio/device/console_backend.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::app {

class ConsoleEcho {
 public:
  static constexpr virtio::device::ConsoleSize kSmall{80, 25};
  static constexpr virtio::device::ConsoleSize kLarge{132, 43};
  static constexpr std::uint64_t kGrowsAfter = 2048;  ///< Bytes heard since the driver opened it.

  std::size_t read(std::span<std::byte> out) {
    const std::size_t bytes = std::min(out.size(), count_);
    for (std::size_t n = 0; n < bytes; ++n) out[n] = held_[(first_ + n) % held_.size()];
    first_ = (first_ + bytes) % held_.size();
    count_ -= bytes;
    return bytes;
  }
  std::size_t write(std::span<const std::byte> in) {
    const std::size_t bytes = std::min(in.size(), held_.size() - count_);
    for (std::size_t n = 0; n < bytes; ++n) held_[(first_ + count_ + n) % held_.size()] = in[n];
    count_ += bytes;
    heard_ += bytes;
    return bytes;
  }
  bool writable() const { return count_ < held_.size(); }
  bool connected() const { return true; }
  virtio::device::ConsoleSize size() const { return heard_ >= kGrowsAfter ? kLarge : kSmall; }
  /// Whoever opens it next hears nothing of what was said before.
  void driver_open(bool) { first_ = count_ = heard_ = 0; }

 private:
  std::array<std::byte, 4096> held_{};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::uint64_t heard_ = 0;
};

static_assert(virtio::device::ConsoleBackend<ConsoleEcho>);

}  // namespace hawser::app
