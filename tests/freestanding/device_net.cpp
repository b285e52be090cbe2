// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "parts.hpp"

#include <hawser/transport/memory.hpp>
#include <hawser/virtio/device/net.hpp>
#include <hawser/virtio/device/net_cable.hpp>

template class hawser::virtio::device::Net<hawser::RegionMemory, hawser::virtio::device::CableEnd>;
