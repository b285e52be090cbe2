// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "parts.hpp"

#include <hawser/transport/memory.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/memory_disk.hpp>

template class hawser::virtio::device::Blk<hawser::RegionMemory, hawser::virtio::device::MemoryDisk>;
