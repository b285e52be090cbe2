// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "parts.hpp"

#include <hawser/transport/memory.hpp>
#include <hawser/virtio/device/rng.hpp>

template class hawser::virtio::device::Rng<hawser::RegionMemory, hawser::freestanding::Noise>;
