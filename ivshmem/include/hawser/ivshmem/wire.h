/* SPDX-FileCopyrightText: 2026 The Hawser authors */
/* SPDX-License-Identifier: MIT */

/*
 * The bytes of a Hawser window, for C and C++ (which sees them through layout.hpp): a directory page, then one area per
 * link. docs/wire/ivshmem-region.md is the prose.
 *
 *   window   [directory 4 KiB][area 0][area 1]...
 *   area     [device section 8 KiB][driver section 8 KiB][data]
 *   section  [0x000 layout header (device only)][0x040 end block][0x080 notification words][0x0c0 queue head]
 *            [0x1000 queue elements]
 *
 * A section is written by its owner alone (the plain queue's consumer index excepted: that layout puts it in the
 * producer's page). Data belongs to the driver, as everything in a virtqueue does.
 */
#pragma once

#include <hawser/transport/wire_types.h>

#ifdef __cplusplus
namespace hawser::ivshmem {
#endif

HAWSER_WIRE_CONSTANT(hawser_u64, HAWSER_DIRECTORY_BYTES, 4096);
HAWSER_WIRE_CONSTANT(hawser_u64, HAWSER_SECTION_BYTES, 8192);
HAWSER_WIRE_CONSTANT(hawser_u64, HAWSER_DATA_OFFSET, 2 * 8192); /* in an area */
HAWSER_WIRE_CONSTANT(hawser_u64, HAWSER_MINIMUM_DATA_BYTES, 64 * 1024);
HAWSER_WIRE_CONSTANT(hawser_u64, HAWSER_ELEMENTS_OFFSET, 4096); /* in a section, either kind of queue */

HAWSER_WIRE_CONSTANT(hawser_u64, HAWSER_DIRECTORY_MAGIC, 0x5649524553574148); /* "HAWSERIV" in memory order */
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_DIRECTORY_VERSION, 1);

/*
 * At the start of the window. A pure function of window size and link count, so whoever finds zeros there writes it,
 * and two who do it at once write the same.
 */
struct hawser_directory {
  hawser_le64 magic;
  hawser_le32 version;
  hawser_le32 directory_bytes;
  hawser_le64 window_bytes;
  hawser_le32 area_count;
  hawser_le32 reserved;
  hawser_le64 area_offset;
  hawser_le64 area_bytes;
};
HAWSER_WIRE_SIZE(hawser_directory, 48);
HAWSER_WIRE_OFFSET(hawser_directory, area_count, 24);
HAWSER_WIRE_OFFSET(hawser_directory, area_offset, 32);
HAWSER_WIRE_OFFSET(hawser_directory, area_bytes, 40);

HAWSER_WIRE_CONSTANT(hawser_size, HAWSER_END_BLOCK_OFFSET, 0x40); /* in a section */
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_END_MAGIC, 0x444e4548);   /* "HEND" in memory order */
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_END_VERSION, 1);

HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_ROLE_DRIVER, 1);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_ROLE_DEVICE, 2);

/* Which message queue layout the device end has chosen. */
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_QUEUE_PLAIN, 1); /* indices and slots in one page per direction */
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_QUEUE_SELF_DESCRIBING, 2); /* a header says where everything is */

/* One end of a link, written by that end alone. */
struct hawser_end_block {
  hawser_le32 magic;
  hawser_le16 version;
  hawser_le16 role;
  hawser_le32 peer_id;    /* IVPosition of the owner: whom to ring */
  hawser_le16 vectors;    /* how many vectors may be rung there */
  hawser_le16 queue_kind; /* the device end's choice */
  hawser_le64
      agreement; /* high half: the owner's epoch, 0 = not here; low: the peer's that it has made room for */
  hawser_le32 heartbeat; /* changes at least every 50 ms while the owner lives */
  hawser_le32 reserved;
  hawser_u8 name[32]; /* UTF-8, zero-padded; for people */
};
HAWSER_WIRE_SIZE(hawser_end_block, 64);
HAWSER_WIRE_OFFSET(hawser_end_block, agreement, 16);
HAWSER_WIRE_OFFSET(hawser_end_block, heartbeat, 24);

HAWSER_WIRE_CONSTANT(hawser_size, HAWSER_NOTIFICATION_OFFSET, 0x80); /* in a section */

/* Pending for an end: the peer's tx ^ the own rx. */
struct hawser_notification_words {
  hawser_le64 tx;   /* a bit is toggled to ring its mark, if it is not pending already */
  hawser_le64 rx;   /* catches up with the peer's tx as marks are taken */
  hawser_le64 mask; /* a set bit: the owner is looking anyway, no doorbell needed */
};
HAWSER_WIRE_SIZE(hawser_notification_words, 24);

HAWSER_WIRE_CONSTANT(hawser_size, HAWSER_QUEUE_HEAD_OFFSET, 0xc0); /* in a section */
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_QUEUE_HEAD_MAGIC, 0x514f);

/* Each end writes only its own: tail is its producer index, head its consumer index of the *peer's* elements. */
struct hawser_queue_head {
  hawser_le16 magic;
  hawser_le16 status;
  hawser_le16 tail;
  hawser_le16 head;
};
HAWSER_WIRE_SIZE(hawser_queue_head, 8);

HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_QUEUE_INIT, 0);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_QUEUE_READY, 1);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_QUEUE_RUN, 2);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_QUEUE_SHUTDOWN, 3);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_QUEUE_PEER_DEAD, 4);

HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_LAYOUT_MAGIC, 0x4c4f);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_LAYOUT_VERSION, 1);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_LAYOUT_MASKED, 1); /* in features: there are mask words */

/* At the start of the area, written by the device end, magic last. */
struct hawser_layout_header {
  hawser_le16 magic;
  hawser_le16 length;
  hawser_le16 version;
  hawser_le16 features;
  hawser_u8 notification_words;
  hawser_u8 marks_per_device;
  hawser_le16 queue_elements;
  hawser_le16 element_bytes;
  hawser_le16 reserved;
  hawser_le64 device_notification_offset;
  hawser_le64 device_queue_head_offset;
  hawser_le64 device_elements_offset;
  hawser_le64 driver_notification_offset;
  hawser_le64 driver_queue_head_offset;
  hawser_le64 driver_elements_offset;
};
HAWSER_WIRE_SIZE(hawser_layout_header, 64);
HAWSER_WIRE_OFFSET(hawser_layout_header, device_notification_offset, 16);
HAWSER_WIRE_OFFSET(hawser_layout_header, driver_elements_offset, 56);

/* What a header may say of its queues. */
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_FEWEST_ELEMENTS, 2);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_MOST_ELEMENTS, 4096);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_SHORTEST_ELEMENT, 52);
HAWSER_WIRE_CONSTANT(hawser_u16, HAWSER_LONGEST_ELEMENT, 4096);

HAWSER_WIRE_CONSTANT(hawser_size, HAWSER_ELEMENT_BYTES,
                     64); /* of both kinds, as we write them: one message each */

/* The plain queue, from the start of the elements: an index, the other one, slots. */
HAWSER_WIRE_CONSTANT(hawser_u64, HAWSER_PLAIN_CONSUMED, 0x40);
HAWSER_WIRE_CONSTANT(hawser_u64, HAWSER_PLAIN_SLOTS, 0x80);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_PLAIN_CAPACITY, (4096 - 0x80) / 64);

HAWSER_WIRE_CONSTANT(unsigned, HAWSER_MARKS_PER_DEVICE, 8);

#ifdef __cplusplus
}  // namespace hawser::ivshmem
#endif
