// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The numbers and layouts of virtio-msg under their C++ names. What they are is in wire.h, which C reads as well.
#pragma once

#include <hawser/virtio/msg/wire.h>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio::msg {

/// The payloads as they lie on the wire.
namespace wire {

using Header = hawser_msg_header;
using DeviceInfo = hawser_msg_device_info;
using DeviceInfoV1 = hawser_msg_device_info_v1;
using FeatureBlocks = hawser_msg_feature_blocks;
using ConfigRange = hawser_msg_config_range;
using ConfigData = hawser_msg_config_data;
using Status = hawser_msg_status;
using VqueueIndex = hawser_msg_vqueue_index;
using VqueueState = hawser_msg_vqueue_state;
using VqueueSetup = hawser_msg_vqueue_setup;
using ShmId = hawser_msg_shm_id;
using Shm = hawser_msg_shm;
using ShmV1 = hawser_msg_shm_v1;
using EventConfig = hawser_msg_event_config;
using EventAvail = hawser_msg_event_avail;
using EventUsed = hawser_msg_event_used;
using DeviceRange = hawser_msg_device_range;
using DeviceList = hawser_msg_device_list;
using DeviceListV1 = hawser_msg_device_list_v1;
using Ping = hawser_msg_ping;
using EventDevice = hawser_msg_event_device;

}  // namespace wire

static_assert(sizeof(wire::Header) + sizeof(wire::DeviceInfo) == VIRTIO_MSG_MIN_MESSAGE);
static_assert(sizeof(wire::Header) + sizeof(wire::DeviceInfoV1) == 32, "how a v1 peer is told apart");

}  // namespace hawser::virtio::msg
