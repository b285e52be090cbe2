// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How a bounded wait ended.
#pragma once

#include <cstdint>

namespace hawser {

enum class Wake : std::uint8_t {
  kRung,       ///< Something may have happened: look. Spurious by contract.
  kTimeout,    ///< The deadline passed.
  kCancelled,  ///< The waiter was told to stop.
};

}  // namespace hawser
