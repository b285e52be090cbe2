// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the server tells whoever asks how it is: one line of JSON.
#pragma once

#include "link.hpp"

#include <memory>
#include <string>
#include <vector>

namespace hawser::ivshmem {

struct Counts {
  std::uint64_t joined = 0;
  std::uint64_t left = 0;
  std::uint64_t refused = 0;
  std::uint64_t dropped = 0;  // by the server's own decision, after they were let in
};

/// Linux takes this many ioeventfds on a VM's MMIO bus (NR_IOBUS_DEVS), and QEMU under KVM aborts on one more;
/// an ivshmem device takes one for each vector of each peer, itself included.
inline constexpr std::uint64_t kIoeventfdLimit = 1000;
/// Where warnings start: virtio's own ioeventfds need room too.
inline constexpr std::uint64_t kIoeventfdWarning = 900;

std::string status_line(const std::vector<std::unique_ptr<Link>>& links, const Counts& counts,
                        Instant started, Instant now);

}  // namespace hawser::ivshmem
