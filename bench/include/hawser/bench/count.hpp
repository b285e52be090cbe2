// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What runs under an instruction counter.
#pragma once

#include <string>

namespace hawser::bench {

/// `split,BATCH,REQUESTS` or `packed,...`: that many requests through one queue, both halves in one thread. False: it did
/// not work, or the words make no sense.
bool count_ring(const std::string& words);

}  // namespace hawser::bench
