// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Converts between two tick rates without a division: value * multiplier / 2^32, in 128 bits.
#pragma once

#include <cstdint>

namespace hawser::guest {

class Scale {
 public:
  constexpr Scale() = default;

  /// From a clock of `from_hz` to one of `to_hz`. Rates between 1 kHz and 16 GHz keep at least 1 part in 10^8, or the
  /// ratio's own 2^-32. A rate of 0 gives a clock that stands.
  static constexpr Scale between(std::uint64_t from_hz, std::uint64_t to_hz) {
    Scale scale;
    if (from_hz == 0) return scale;
    const std::uint64_t whole = to_hz / from_hz;
    std::uint64_t rest = to_hz % from_hz;
    std::uint64_t fraction = 0;
    for (int step = 0; step < 32; ++step) {
      rest *= 2;
      fraction *= 2;
      if (rest >= from_hz) {
        rest -= from_hz;
        fraction += 1;
      }
    }
    scale.multiplier_ = (whole << 32) + fraction;
    return scale;
  }

  constexpr std::uint64_t operator()(std::uint64_t value) const {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(value) * multiplier_ >> 32;
    return product > UINT64_MAX ? UINT64_MAX : static_cast<std::uint64_t>(product);
  }

 private:
  std::uint64_t multiplier_ = 0;
};

}  // namespace hawser::guest
