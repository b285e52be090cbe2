// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Names, numbers and layouts of the console device (VIRTIO 1.3 §5.3).
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio {

// §5.3.3 Feature bits. Bit numbers, not masks.
inline constexpr unsigned VIRTIO_CONSOLE_F_SIZE = 0;
inline constexpr unsigned VIRTIO_CONSOLE_F_MULTIPORT = 1;
inline constexpr unsigned VIRTIO_CONSOLE_F_EMERG_WRITE = 2;

// §5.3.6.2 Multiport device operation: events.
inline constexpr std::uint16_t VIRTIO_CONSOLE_DEVICE_READY = 0;
inline constexpr std::uint16_t VIRTIO_CONSOLE_DEVICE_ADD = 1;
inline constexpr std::uint16_t VIRTIO_CONSOLE_DEVICE_REMOVE = 2;
inline constexpr std::uint16_t VIRTIO_CONSOLE_PORT_READY = 3;
inline constexpr std::uint16_t VIRTIO_CONSOLE_CONSOLE_PORT = 4;
inline constexpr std::uint16_t VIRTIO_CONSOLE_RESIZE = 5;
inline constexpr std::uint16_t VIRTIO_CONSOLE_PORT_OPEN = 6;
inline constexpr std::uint16_t VIRTIO_CONSOLE_PORT_NAME = 7;

/// §5.3.4 struct virtio_console_config.
struct virtio_console_config {
  le16 cols;
  le16 rows;
  le32 max_nr_ports;
  le32 emerg_wr;
};
static_assert(sizeof(virtio_console_config) == 12 && offsetof(virtio_console_config, max_nr_ports) == 4 &&
              offsetof(virtio_console_config, emerg_wr) == 8);

/// §5.3.6.2 struct virtio_console_control.
struct virtio_console_control {
  le32 id;
  le16 event;
  le16 value;
};
static_assert(sizeof(virtio_console_control) == 8 && offsetof(virtio_console_control, event) == 4 &&
              offsetof(virtio_console_control, value) == 6);

/// §5.3.6.2.2 struct virtio_console_resize: follows a control message. Linux before 2025 (its commit 5326ab737a47) reads
/// it the other way round.
struct virtio_console_resize {
  le16 cols;
  le16 rows;
};
static_assert(sizeof(virtio_console_resize) == 4 && offsetof(virtio_console_resize, rows) == 2);

}  // namespace hawser::virtio
