// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// From the boot code's coarse mapping of 4 GiB to one that holds the image and nothing else yet.
#pragma once

namespace hawser::guest {

/// After this only the image is mapped; arch::map() adds the rest.
void switch_to_own_page_tables();

}  // namespace hawser::guest
