// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// This machine as a Xen domain: its number, its shared page, the windows that it shares with other domains.
#pragma once

#include "range.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::guest {
class DeviceTree;
}

namespace hawser::guest::xen {

/// What the device tree says.
struct Findings {
  static constexpr std::size_t kMaxWindows = 4;
  struct Window {
    std::string_view id;  ///< As in xen,shm-id; "" if it has none.
    Range memory;
  };
  Range unused_frames;  ///< Guest addresses where there is nothing, for pages of Xen's.
  unsigned event_interrupt = 0;
  std::array<Window, kMaxWindows> windows;
  std::size_t window_count = 0;
};

/// Nothing where the tree knows no Xen, or tells what cannot be.
std::optional<Findings> find(const DeviceTree& tree);

/// Shows the domain Xen's shared page and begins to take events. False, with a line that says why, when Xen refuses.
bool open(const Findings& findings);

/// This domain's number. Nobody tells a domain without xenstore, so it asks Xen about one domain after the other: only
/// about itself it gets an answer.
std::optional<std::uint16_t> own_domain();

}  // namespace hawser::guest::xen
