// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The machine's serial line: where the launcher reads what a guest says, and what a person types.
#pragma once

#include <hawser/guest/format.hpp>

#include <optional>
#include <string_view>

namespace hawser::guest {

/// The one serial port (pl011 or 16550). Output waits for the hardware; "\n" goes out as "\r\n".
/// Input is collected by interrupt while the machine waits and by read() itself, 256 bytes deep; what does not fit is
/// dropped. Stateless: any number of Console values are the same line.
class Console {
 public:
  void write(std::string_view text) const;

  /// The next byte typed, if there is one. Never waits.
  std::optional<char> read() const;

  template <class... T>
  void print(const T&... parts) const {
    guest::print(*this, parts...);
  }
};

}  // namespace hawser::guest
