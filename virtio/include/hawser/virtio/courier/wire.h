/* SPDX-FileCopyrightText: 2026 The Hawser authors */
/* SPDX-License-Identifier: MIT */

/*
 * What couriers write into parcels, for C and C++ (which sees it through wire.hpp). docs/wire/argo-bus.md, "What is in a
 * parcel", is the prose.
 */
#pragma once

#include <hawser/transport/wire_types.h>

#ifdef __cplusplus
namespace hawser::virtio::courier {
#endif

/* Kinds of parcels. */
HAWSER_WIRE_CONSTANT(hawser_u8, HAWSER_COURIER_LIMITS, 1);      /* device to driver, first */
HAWSER_WIRE_CONSTANT(hawser_u8, HAWSER_COURIER_REQUESTS, 2);    /* driver to device */
HAWSER_WIRE_CONSTANT(hawser_u8, HAWSER_COURIER_COMPLETIONS, 3); /* device to driver */

HAWSER_WIRE_CONSTANT(hawser_u8, HAWSER_COURIER_VERSION, 1);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_COURIER_MAX_ENTRIES, 64); /* in one parcel */

#ifdef __cplusplus
namespace wire {
#endif

struct hawser_courier_header {
  hawser_u8 kind;
  hawser_u8 version;
  hawser_le16 count;   /* Entries that follow. */
  hawser_le32 control; /* Control messages that the sender had sent in this epoch when it wrote this. */
};
HAWSER_WIRE_SIZE(hawser_courier_header, 8);
HAWSER_WIRE_OFFSET(hawser_courier_header, control, 4);

/*
 * One chain, or a piece of one: `bytes` of its `length` bytes, those from `at` on. The pieces of a chain come in order,
 * with nothing else of its queue between them.
 */
struct hawser_courier_entry {
  hawser_le16 device;
  hawser_le16 queue;
  hawser_le16 chain;    /* The driver side's name for it, returned with the completion. */
  hawser_le16 reserved; /* 0. */
  hawser_le32 length;   /* Request: readable bytes of the chain. Completion: bytes that the device wrote. */
  hawser_le32 writable; /* Request: bytes that the device may write. Completion: 0. */
  hawser_le32 at;
  hawser_le32 bytes;
};
HAWSER_WIRE_SIZE(hawser_courier_entry, 24);
HAWSER_WIRE_OFFSET(hawser_courier_entry, length, 8);
HAWSER_WIRE_OFFSET(hawser_courier_entry, bytes, 20);

struct hawser_courier_limits {
  hawser_le32 max_chain; /* Most readable, and most writable, bytes of one chain. */
  hawser_le16 max_size;  /* Largest queue. */
  hawser_le16 reserved;  /* 0. */
};
HAWSER_WIRE_SIZE(hawser_courier_limits, 8);

#ifdef __cplusplus
}  // namespace wire
}  // namespace hawser::virtio::courier
#endif
