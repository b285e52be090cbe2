// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device's side of virtio-msg over an ivshmem link.
#include "parts.hpp"

#include <hawser/virtio/msg/device_bus.hpp>

template class hawser::virtio::msg::DeviceBus<hawser::freestanding::TestLink>;
