// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Xen's serial console taken apart: whose line is it?
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::launch {

struct XenLine {
  std::optional<unsigned> domain;  ///< Nothing: Xen's own, or QEMU's.
  std::string text;                ///< Without prefix and line end.
};

/// Xen puts "(XEN) DOM1: " before each line of a domain's console, and cuts lines of more than 126 characters. A domain's
/// line is whole when the domain itself ended it, by "\r\n"; Xen's cuts end in "\n" only. (Xen's serial driver puts
/// one more "\r" before each "\n".)
class XenConsole {
 public:
  /// A line as it comes from the serial port, without its "\n" but with every "\r". Nothing until a domain's line is whole.
  std::optional<XenLine> take(std::string_view line);

 private:
  static constexpr std::size_t kLongestLine =
      4096;  ///< A domain that never ends its line must not fill our memory.

  std::map<unsigned, std::string> partial_;
};

}  // namespace hawser::launch
