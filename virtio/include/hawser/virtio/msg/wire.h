/* SPDX-FileCopyrightText: 2026 The Hawser authors */
/* SPDX-License-Identifier: MIT */

/*
 * Numbers and layouts of virtio-msg, transport revision 1: the header, the message ids, the fixed parts of the payloads.
 * For C and C++, which sees them through spec.hpp. Clauses are those of the virtio-msg PATCH v2 text ("v2"); where the
 * earlier text ("v1") differs, a second struct says how. Offsets are inside the payload, which starts 8 bytes into the
 * frame.
 */
#pragma once

#include <hawser/transport/wire_types.h>

#ifdef __cplusplus
namespace hawser::virtio::msg {
#endif

/* Header, byte 0: type. Bits 2 to 7: transmit zero, ignore on receive. */
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_TYPE_RESPONSE, 1);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_TYPE_BUS, 2);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_TYPE_MASK, 3);

/* Header, byte 1: msg_id. Bit 6: an event, never answered. Bit 7: implementation-defined. */
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_ID_EVENT, 0x40);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_ID_IMPLEMENTATION, 0x80);

/* Transport messages. */
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_GET_DEVICE_INFO, 0x02);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_GET_DEVICE_FEATURES, 0x03);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_SET_DRIVER_FEATURES, 0x04);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_GET_CONFIG, 0x05);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_SET_CONFIG, 0x06);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_GET_DEVICE_STATUS, 0x07);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_SET_DEVICE_STATUS, 0x08);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_GET_VQUEUE, 0x09);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_SET_VQUEUE, 0x0a);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_RESET_VQUEUE, 0x0b);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_GET_SHM, 0x0c);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_EVENT_CONFIG, 0x40);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_EVENT_AVAIL, 0x41);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_EVENT_USED, 0x42);

/* Bus messages: their own name space. */
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_BUS_GET_DEVICES, 0x02);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_BUS_PING, 0x03);
HAWSER_WIRE_CONSTANT(hawser_u8, VIRTIO_MSG_BUS_EVENT_DEVICE, 0x40);

/* Sizes of whole messages (Respecting Bus Limits). GET_DEVICE_INFO's response must fit. */
HAWSER_WIRE_CONSTANT(hawser_size, VIRTIO_MSG_MIN_MESSAGE, 52);
HAWSER_WIRE_CONSTANT(hawser_size, VIRTIO_MSG_MAX_MESSAGE, 264); /* SHOULD NOT exceed */

/* Transport feature bits, agreed outside the messages. */
HAWSER_WIRE_CONSTANT(unsigned, VIRTIO_MSG_F_STRICT_CONFIG_GENERATION, 0);

/* SET_VQUEUE flags (v2). */
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_OP_MASK, 3);
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_OP_KEEP_DISABLED, 0);
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_OP_ENABLE, 1);
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_OP_KEEP, 2);
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_IGNORE_SIZE, 1 << 2);
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_IGNORE_DESC, 1 << 3);
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_IGNORE_DRIVER, 1 << 4);
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_IGNORE_DEVICE, 1 << 5);
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_FLAGS_MASK, 0x3f);

/* GET_VQUEUE flags (v2). */
HAWSER_WIRE_CONSTANT(hawser_u32, VIRTIO_MSG_VQUEUE_ENABLED, 1);

/* EVENT_DEVICE states. */
HAWSER_WIRE_CONSTANT(hawser_u16, VIRTIO_MSG_DEVICE_ADDED, 1); /* v1: READY */
HAWSER_WIRE_CONSTANT(hawser_u16, VIRTIO_MSG_DEVICE_REMOVED, 2);

#ifdef __cplusplus
namespace wire {
#endif

struct hawser_msg_header {
  hawser_u8 type;
  hawser_u8 msg_id;
  hawser_le16 dev_num;
  hawser_le16 token;
  hawser_le16 msg_size; /* this header included */
};
HAWSER_WIRE_SIZE(hawser_msg_header, 8);
HAWSER_WIRE_OFFSET(hawser_msg_header, dev_num, 2);
HAWSER_WIRE_OFFSET(hawser_msg_header, token, 4);

struct hawser_msg_device_info {
  hawser_le32 device_id;
  hawser_le32 vendor_id;
  hawser_u8 uuid[16];
  hawser_le32 num_feature_blocks;
  hawser_le32 config_size;
  hawser_le32 max_virtqueues;
  hawser_le32 admin_vq_start;
  hawser_le32 admin_vq_count;
};
HAWSER_WIRE_SIZE(hawser_msg_device_info, 44);
HAWSER_WIRE_OFFSET(hawser_msg_device_info, num_feature_blocks, 24);

struct hawser_msg_device_info_v1 {
  hawser_le32 device_id;
  hawser_le32 vendor_id;
  hawser_le32 num_feature_bits; /* a multiple of 32 */
  hawser_le32 config_size;
  hawser_le32 max_virtqueues;
  hawser_le16 admin_vq_start;
  hawser_le16 admin_vq_count;
};
HAWSER_WIRE_SIZE(hawser_msg_device_info_v1, 24);
HAWSER_WIRE_OFFSET(hawser_msg_device_info_v1, admin_vq_count, 22);

struct
    hawser_msg_feature_blocks { /* GET_DEVICE_FEATURES, SET_DRIVER_FEATURES; le32 features[num_blocks] follow */
  hawser_le32 block_index;
  hawser_le32 num_blocks;
};
HAWSER_WIRE_SIZE(hawser_msg_feature_blocks, 8);

struct hawser_msg_config_range {
  hawser_le32 offset;
  hawser_le32 length;
};
HAWSER_WIRE_SIZE(hawser_msg_config_range, 8);

struct hawser_msg_config_data { /* u8 data[length] follow */
  hawser_le32 generation;
  hawser_le32 offset;
  hawser_le32 length;
};
HAWSER_WIRE_SIZE(hawser_msg_config_data, 12);
HAWSER_WIRE_OFFSET(hawser_msg_config_data, length, 8);

struct hawser_msg_status {
  hawser_le32 status;
};
HAWSER_WIRE_SIZE(hawser_msg_status, 4);

struct hawser_msg_vqueue_index {
  hawser_le32 index;
};
HAWSER_WIRE_SIZE(hawser_msg_vqueue_index, 4);

struct hawser_msg_vqueue_state {
  hawser_le32 index;
  hawser_le32 max_size;
  hawser_le32 cur_size;
  hawser_le32 flags; /* v1: reserved */
  hawser_le64 descriptors;
  hawser_le64 driver;
  hawser_le64 device;
};
HAWSER_WIRE_SIZE(hawser_msg_vqueue_state, 40);
HAWSER_WIRE_OFFSET(hawser_msg_vqueue_state, descriptors, 16);

struct hawser_msg_vqueue_setup {
  hawser_le32 index;
  hawser_le32 flags; /* v1: reserved, the queue is always enabled */
  hawser_le32 size;
  hawser_le32 reserved;
  hawser_le64 descriptors;
  hawser_le64 driver;
  hawser_le64 device;
};
HAWSER_WIRE_SIZE(hawser_msg_vqueue_setup, 40);
HAWSER_WIRE_OFFSET(hawser_msg_vqueue_setup, descriptors, 16);

struct hawser_msg_shm_id {
  hawser_le32 shmid; /* v1: index */
};
HAWSER_WIRE_SIZE(hawser_msg_shm_id, 4);

struct hawser_msg_shm {
  hawser_le32 shmid;
  hawser_le32 reserved;
  hawser_le64 length;
  hawser_le64 address;
};
HAWSER_WIRE_SIZE(hawser_msg_shm, 24);
HAWSER_WIRE_OFFSET(hawser_msg_shm, length, 8);

struct hawser_msg_shm_v1 {
  hawser_le32 index;
  hawser_le32 length;
  hawser_le32 address;
};
HAWSER_WIRE_SIZE(hawser_msg_shm_v1, 12);

struct hawser_msg_event_config { /* u8 data[length] may follow */
  hawser_le32 device_status;
  hawser_le32 generation;
  hawser_le32 offset;
  hawser_le32 length;
};
HAWSER_WIRE_SIZE(hawser_msg_event_config, 16);

struct hawser_msg_event_avail {
  hawser_le32 vq_index;
  hawser_le32 next_offset;
};
HAWSER_WIRE_SIZE(hawser_msg_event_avail, 8);

struct hawser_msg_event_used {
  hawser_le32 vq_index;
};
HAWSER_WIRE_SIZE(hawser_msg_event_used, 4);

struct hawser_msg_device_range {
  hawser_le16 offset;
  hawser_le16 count;
};
HAWSER_WIRE_SIZE(hawser_msg_device_range, 4);

struct hawser_msg_device_list { /* bitmap[(count + 7) / 8] follows */
  hawser_le16 offset;
  hawser_le16 next_offset;
  hawser_le16 count;
};
HAWSER_WIRE_SIZE(hawser_msg_device_list, 6);
HAWSER_WIRE_OFFSET(hawser_msg_device_list, next_offset, 2);

struct hawser_msg_device_list_v1 {
  hawser_le16 offset;
  hawser_le16 count;
  hawser_le16 next_offset;
};
HAWSER_WIRE_SIZE(hawser_msg_device_list_v1, 6);
HAWSER_WIRE_OFFSET(hawser_msg_device_list_v1, count, 2);

struct hawser_msg_ping {
  hawser_le32 data;
};
HAWSER_WIRE_SIZE(hawser_msg_ping, 4);

struct hawser_msg_event_device {
  hawser_le16 device_number;
  hawser_le16 state;
};
HAWSER_WIRE_SIZE(hawser_msg_event_device, 4);

#ifdef __cplusplus
}  // namespace wire
}  // namespace hawser::virtio::msg
#endif
