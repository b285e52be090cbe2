// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The interrupt translation service: turns a PCI function's messages into LPIs of this processor.
#pragma once

#include "range.hpp"

namespace hawser::guest {

/// Sets up the ITS at these registers (mapped already; two frames of 64 KiB) and enables LPIs. False, with a line that
/// says why, when it does not answer as it should; then there are no message interrupts.
bool open_its(Range registers);

}  // namespace hawser::guest
