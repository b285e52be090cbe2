// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Names and numbers of the VIRTIO specification that every device shares (VIRTIO 1.3 §2.1, §6). Specification
// spellings live here and in the devices' spec.hpp files, nowhere else.
#pragma once

#include <cstdint>

namespace hawser::virtio {

// §2.1 Device status field.
inline constexpr std::uint32_t VIRTIO_STATUS_ACKNOWLEDGE = 1;
inline constexpr std::uint32_t VIRTIO_STATUS_DRIVER = 2;
inline constexpr std::uint32_t VIRTIO_STATUS_DRIVER_OK = 4;
inline constexpr std::uint32_t VIRTIO_STATUS_FEATURES_OK = 8;
inline constexpr std::uint32_t VIRTIO_STATUS_DEVICE_NEEDS_RESET = 64;
inline constexpr std::uint32_t VIRTIO_STATUS_FAILED = 128;

// §6 Reserved feature bits. Bit numbers, not masks.
inline constexpr unsigned VIRTIO_F_INDIRECT_DESC = 28;
inline constexpr unsigned VIRTIO_F_EVENT_IDX = 29;
inline constexpr unsigned VIRTIO_F_VERSION_1 = 32;
inline constexpr unsigned VIRTIO_F_ACCESS_PLATFORM = 33;
inline constexpr unsigned VIRTIO_F_RING_PACKED = 34;
inline constexpr unsigned VIRTIO_F_IN_ORDER = 35;
inline constexpr unsigned VIRTIO_F_ORDER_PLATFORM = 36;
inline constexpr unsigned VIRTIO_F_SR_IOV = 37;
inline constexpr unsigned VIRTIO_F_NOTIFICATION_DATA = 38;
inline constexpr unsigned VIRTIO_F_NOTIF_CONFIG_DATA = 39;
inline constexpr unsigned VIRTIO_F_RING_RESET = 40;
inline constexpr unsigned VIRTIO_F_ADMIN_VQ = 41;

// §5 Device ids.
inline constexpr std::uint32_t VIRTIO_ID_NET = 1;
inline constexpr std::uint32_t VIRTIO_ID_BLOCK = 2;
inline constexpr std::uint32_t VIRTIO_ID_CONSOLE = 3;
inline constexpr std::uint32_t VIRTIO_ID_ENTROPY = 4;

}  // namespace hawser::virtio
