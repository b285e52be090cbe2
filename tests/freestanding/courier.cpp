// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both ends of a courier over Argo.
#include "argo_port.hpp"

#include <hawser/argo/link.hpp>
#include <hawser/virtio/courier/device_end.hpp>
#include <hawser/virtio/courier/driver_end.hpp>

namespace hawser::freestanding {

using ArgoLink = argo::Link<ArgoPort>;
static_assert(ManagedLink<virtio::courier::DriverEnd<ArgoLink>> &&
              ManagedLink<virtio::courier::DeviceEnd<ArgoLink>>);

}  // namespace hawser::freestanding

template class hawser::virtio::courier::DriverEnd<hawser::freestanding::ArgoLink>;
template class hawser::virtio::courier::DeviceEnd<hawser::freestanding::ArgoLink>;
