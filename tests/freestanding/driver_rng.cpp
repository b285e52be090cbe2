// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "parts.hpp"

#include <hawser/virtio/driver/rng.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

using Transport = hawser::virtio::msg::DriverDevice<hawser::freestanding::TestLink>;

template class hawser::virtio::driver::Rng<Transport>;
