// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "parts.hpp"

#include <hawser/transport/memory.hpp>
#include <hawser/virtio/device/console.hpp>

template class hawser::virtio::device::Console<hawser::RegionMemory, hawser::freestanding::Terminal>;
