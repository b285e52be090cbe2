// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The four ring halves and what chooses between them, over shared memory.
#include <hawser/transport/memory.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

using namespace hawser;
using namespace hawser::virtio;

template class hawser::virtio::SplitDriverQueue<RegionMemory>;
template class hawser::virtio::SplitDeviceQueue<RegionMemory>;
template class hawser::virtio::PackedDriverQueue<RegionMemory>;
template class hawser::virtio::PackedDeviceQueue<RegionMemory>;
template class hawser::virtio::AnyDriverQueue<RegionMemory>;
template class hawser::virtio::AnyDeviceQueue<RegionMemory>;
template class hawser::virtio::ChainReader<RegionMemory>;
template class hawser::virtio::ChainWriter<RegionMemory>;
