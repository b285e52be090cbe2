// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the machine can do at best: the limits that the rings are held against.
#pragma once

#include "pair.hpp"

namespace hawser::bench {

/// One round trip in nanoseconds when both sides write the same cache line.
Sample pingpong_one_line(Cores cores, unsigned rounds);

/// The same when each side writes a line of its own.
Sample pingpong_two_line(Cores cores, unsigned rounds);

/// Nanoseconds to copy 4 KiB that are in the cache.
Sample memcpy_4k(Cores cores, unsigned rounds);

}  // namespace hawser::bench
