// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// An eventfd that strangers hold as well. O_NONBLOCK lives on the open file, so any of them can clear it, fill the
// counter or empty it: nothing here may block on account of that.
#pragma once

namespace hawser::ivshmem {

/// Adds one, or finds the counter full, which wakes its reader just as well.
void ring_doorbell(int fd);

/// Empties the counter, if there is anything in it.
void drain_doorbell(int fd);

}  // namespace hawser::ivshmem
