// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A fuzzer's input as a tape of decisions; past its end every byte is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::test {

class Tape {
 public:
  explicit Tape(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return at_ == bytes_.size(); }
  std::uint8_t byte() { return empty() ? std::uint8_t{0} : bytes_[at_++]; }
  std::uint32_t word() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | byte();
    return value;
  }
  /// What is right, mostly; else up to twenty steps off, or anything.
  std::uint32_t near(std::uint32_t right, std::uint32_t step = 1) {
    const std::uint8_t how = byte();
    return how < 200 ? right : how < 240 ? right + (how - 220u) * step : word();
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

}  // namespace hawser::test
