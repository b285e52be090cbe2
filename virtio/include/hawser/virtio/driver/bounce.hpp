// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A buffer that the device sees, for the length of a call; unless the device still has it at the end.
#pragma once

#include <hawser/virtio/queue/arena.hpp>
#include <hawser/virtio/queue/chain.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::driver {

template <Memory M>
class Bounce {
 public:
  /// `most` bytes, or half of that, and so on, as long as that is a multiple of `unit`; else one unit; else nothing.
  Bounce(Arena& arena, M memory, std::uint32_t most, std::uint32_t unit)
      : arena_(arena), memory_(std::move(memory)) {
    for (std::uint32_t bytes = most; place_.bytes == 0 && bytes != 0;) {
      if (const std::optional<Offset> at = arena.allocate(bytes)) place_ = {*at, bytes};
      const std::uint32_t half = bytes / 2 / unit * unit;
      bytes = half != 0 ? half : bytes > unit ? unit : 0;
    }
  }
  ~Bounce() {
    if (place_.bytes != 0) arena_.release(place_.at, place_.bytes);
  }
  Bounce(const Bounce&) = delete;
  Bounce& operator=(const Bounce&) = delete;

  std::uint32_t size() const { return place_.bytes; }
  Offset at() const { return place_.at; }

  /// Whoever takes it releases it.
  Segment give_up() { return std::exchange(place_, Segment{}); }

  bool copy_in(std::span<const std::byte> in) const {
    const auto area = memory_.area(place_.at, place_.bytes, 1);
    if (!area.ok() || in.size() > place_.bytes) return false;
    area->write(0, in);
    return true;
  }
  bool copy_out(std::span<std::byte> out) const {
    const auto area = memory_.area(place_.at, place_.bytes, 1);
    if (!area.ok() || out.size() > place_.bytes) return false;
    area->read(0, out);
    return true;
  }

 private:
  Arena& arena_;
  M memory_;
  Segment place_{};
};

}  // namespace hawser::virtio::driver
