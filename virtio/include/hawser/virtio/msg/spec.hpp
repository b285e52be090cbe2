// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Numbers and layouts of virtio-msg, transport revision 1: the header, the message ids, the fixed parts of the
// payloads. Clauses are those of the virtio-msg PATCH v2 text ("v2"); where the earlier text ("v1") differs, a
// second struct says how. Offsets are inside the payload, which starts 8 bytes into the frame.
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::virtio::msg {

// Header, byte 0: type. Bits 2 to 7: transmit zero, ignore on receive.
inline constexpr std::uint8_t VIRTIO_MSG_TYPE_RESPONSE = 1;
inline constexpr std::uint8_t VIRTIO_MSG_TYPE_BUS = 2;
inline constexpr std::uint8_t VIRTIO_MSG_TYPE_MASK = 3;

// Header, byte 1: msg_id. Bit 6: an event, never answered. Bit 7: implementation-defined.
inline constexpr std::uint8_t VIRTIO_MSG_ID_EVENT = 0x40;
inline constexpr std::uint8_t VIRTIO_MSG_ID_IMPLEMENTATION = 0x80;

// Transport messages.
inline constexpr std::uint8_t VIRTIO_MSG_GET_DEVICE_INFO = 0x02;
inline constexpr std::uint8_t VIRTIO_MSG_GET_DEVICE_FEATURES = 0x03;
inline constexpr std::uint8_t VIRTIO_MSG_SET_DRIVER_FEATURES = 0x04;
inline constexpr std::uint8_t VIRTIO_MSG_GET_CONFIG = 0x05;
inline constexpr std::uint8_t VIRTIO_MSG_SET_CONFIG = 0x06;
inline constexpr std::uint8_t VIRTIO_MSG_GET_DEVICE_STATUS = 0x07;
inline constexpr std::uint8_t VIRTIO_MSG_SET_DEVICE_STATUS = 0x08;
inline constexpr std::uint8_t VIRTIO_MSG_GET_VQUEUE = 0x09;
inline constexpr std::uint8_t VIRTIO_MSG_SET_VQUEUE = 0x0a;
inline constexpr std::uint8_t VIRTIO_MSG_RESET_VQUEUE = 0x0b;
inline constexpr std::uint8_t VIRTIO_MSG_GET_SHM = 0x0c;
inline constexpr std::uint8_t VIRTIO_MSG_EVENT_CONFIG = 0x40;
inline constexpr std::uint8_t VIRTIO_MSG_EVENT_AVAIL = 0x41;
inline constexpr std::uint8_t VIRTIO_MSG_EVENT_USED = 0x42;

// Bus messages: their own name space.
inline constexpr std::uint8_t VIRTIO_MSG_BUS_GET_DEVICES = 0x02;
inline constexpr std::uint8_t VIRTIO_MSG_BUS_PING = 0x03;
inline constexpr std::uint8_t VIRTIO_MSG_BUS_EVENT_DEVICE = 0x40;

// Sizes of whole messages (Respecting Bus Limits). GET_DEVICE_INFO's response must fit.
inline constexpr std::size_t VIRTIO_MSG_MIN_MESSAGE = 52;
inline constexpr std::size_t VIRTIO_MSG_MAX_MESSAGE = 264;  // SHOULD NOT exceed

// Transport feature bits, agreed outside the messages.
inline constexpr unsigned VIRTIO_MSG_F_STRICT_CONFIG_GENERATION = 0;

// SET_VQUEUE flags (v2).
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_OP_MASK = 3;
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_OP_KEEP_DISABLED = 0;
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_OP_ENABLE = 1;
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_OP_KEEP = 2;
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_IGNORE_SIZE = 1 << 2;
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_IGNORE_DESC = 1 << 3;
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_IGNORE_DRIVER = 1 << 4;
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_IGNORE_DEVICE = 1 << 5;
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_FLAGS_MASK = 0x3f;

// GET_VQUEUE flags (v2).
inline constexpr std::uint32_t VIRTIO_MSG_VQUEUE_ENABLED = 1;

// EVENT_DEVICE states.
inline constexpr std::uint16_t VIRTIO_MSG_DEVICE_ADDED = 1;  // v1: READY
inline constexpr std::uint16_t VIRTIO_MSG_DEVICE_REMOVED = 2;

/// The payloads as they lie on the wire.
namespace wire {

struct Header {
  std::uint8_t type;
  std::uint8_t msg_id;
  le16 dev_num;
  le16 token;
  le16 msg_size;  // this header included
};
static_assert(sizeof(Header) == 8 && offsetof(Header, dev_num) == 2 && offsetof(Header, token) == 4);

struct DeviceInfo {
  le32 device_id;
  le32 vendor_id;
  std::uint8_t uuid[16];
  le32 num_feature_blocks;
  le32 config_size;
  le32 max_virtqueues;
  le32 admin_vq_start;
  le32 admin_vq_count;
};
static_assert(sizeof(DeviceInfo) == 44 && offsetof(DeviceInfo, num_feature_blocks) == 24);

struct DeviceInfoV1 {
  le32 device_id;
  le32 vendor_id;
  le32 num_feature_bits;  // a multiple of 32
  le32 config_size;
  le32 max_virtqueues;
  le16 admin_vq_start;
  le16 admin_vq_count;
};
static_assert(sizeof(DeviceInfoV1) == 24 && offsetof(DeviceInfoV1, admin_vq_count) == 22);

struct FeatureBlocks {  // GET_DEVICE_FEATURES, SET_DRIVER_FEATURES; le32 features[num_blocks] follow
  le32 block_index;
  le32 num_blocks;
};
static_assert(sizeof(FeatureBlocks) == 8);

struct ConfigRange {
  le32 offset;
  le32 length;
};
static_assert(sizeof(ConfigRange) == 8);

struct ConfigData {  // u8 data[length] follow
  le32 generation;
  le32 offset;
  le32 length;
};
static_assert(sizeof(ConfigData) == 12 && offsetof(ConfigData, length) == 8);

struct Status {
  le32 status;
};
static_assert(sizeof(Status) == 4);

struct VqueueIndex {
  le32 index;
};
static_assert(sizeof(VqueueIndex) == 4);

struct VqueueState {
  le32 index;
  le32 max_size;
  le32 cur_size;
  le32 flags;  // v1: reserved
  le64 descriptors;
  le64 driver;
  le64 device;
};
static_assert(sizeof(VqueueState) == 40 && offsetof(VqueueState, descriptors) == 16);

struct VqueueSetup {
  le32 index;
  le32 flags;  // v1: reserved, the queue is always enabled
  le32 size;
  le32 reserved;
  le64 descriptors;
  le64 driver;
  le64 device;
};
static_assert(sizeof(VqueueSetup) == 40 && offsetof(VqueueSetup, descriptors) == 16);

struct ShmId {
  le32 shmid;  // v1: index
};
static_assert(sizeof(ShmId) == 4);

struct Shm {
  le32 shmid;
  le32 reserved;
  le64 length;
  le64 address;
};
static_assert(sizeof(Shm) == 24 && offsetof(Shm, length) == 8);

struct ShmV1 {
  le32 index;
  le32 length;
  le32 address;
};
static_assert(sizeof(ShmV1) == 12);

struct EventConfig {  // u8 data[length] may follow
  le32 device_status;
  le32 generation;
  le32 offset;
  le32 length;
};
static_assert(sizeof(EventConfig) == 16);

struct EventAvail {
  le32 vq_index;
  le32 next_offset;
};
static_assert(sizeof(EventAvail) == 8);

struct EventUsed {
  le32 vq_index;
};
static_assert(sizeof(EventUsed) == 4);

struct DeviceRange {
  le16 offset;
  le16 count;
};
static_assert(sizeof(DeviceRange) == 4);

struct DeviceList {  // bitmap[(count + 7) / 8] follows
  le16 offset;
  le16 next_offset;
  le16 count;
};
static_assert(sizeof(DeviceList) == 6 && offsetof(DeviceList, next_offset) == 2);

struct DeviceListV1 {
  le16 offset;
  le16 count;
  le16 next_offset;
};
static_assert(sizeof(DeviceListV1) == 6 && offsetof(DeviceListV1, count) == 2);

struct Ping {
  le32 data;
};
static_assert(sizeof(Ping) == 4);

struct EventDevice {
  le16 device_number;
  le16 state;
};
static_assert(sizeof(EventDevice) == 4);

}  // namespace wire

static_assert(sizeof(wire::Header) + sizeof(wire::DeviceInfo) == VIRTIO_MSG_MIN_MESSAGE);
static_assert(sizeof(wire::Header) + sizeof(wire::DeviceInfoV1) == 32, "how a v1 peer is told apart");

}  // namespace hawser::virtio::msg
