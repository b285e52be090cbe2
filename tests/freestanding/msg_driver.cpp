// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver's side of virtio-msg over an ivshmem link.
#include "parts.hpp"

#include <hawser/virtio/msg/driver_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

template class hawser::virtio::msg::DriverBus<hawser::freestanding::TestLink>;
template class hawser::virtio::msg::DriverDevice<hawser::freestanding::TestLink>;
