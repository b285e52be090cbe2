// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the first page tables hold besides the image. mmu.cpp runs before they are in use, so it is compiled on its own.
#pragma once

#include "range.hpp"

namespace hawser::guest {

/// Where the header of a device tree would be, mapped and not yet read; empty when the address given can be none's.
Range device_tree_header();

}  // namespace hawser::guest
