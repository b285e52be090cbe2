// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The link over an ivshmem window.
#include "parts.hpp"

template class hawser::ivshmem::Link<hawser::freestanding::Port>;
