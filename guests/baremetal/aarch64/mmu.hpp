// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the first page tables hold besides the image.
#pragma once

#include "range.hpp"

namespace hawser::guest {

/// The device tree as far as its header states, already mapped; empty when there was none at the address given.
Range first_device_tree();

}  // namespace hawser::guest
