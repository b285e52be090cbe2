/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * The path of chains over a link that copies: the driver's side courier of
 * docs/wire/argo-bus.md. Chains go out as entries of parcels, gathered from
 * the driver's buffers; what comes back is copied into them where it arrived.
 *
 * Locks: a queue's own, then the link's. What the link's protects is marked.
 */
#ifndef HAWSER_COURIER_H
#define HAWSER_COURIER_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/uio.h>

#include <hawser/virtio/courier/wire.h>

#include "argo.h"
#include "relay.h"

/* Longest chain, in runs of bytes that lie together. */
#define HAWSER_COURIER_RUNS 1026

#define HAWSER_COURIER_HEAD                       \
	(sizeof(struct hawser_courier_header) +   \
	 HAWSER_COURIER_MAX_ENTRIES *             \
		 sizeof(struct hawser_courier_entry))

/**
 * struct hawser_courier - a link's courier
 * @lock: the link's: around everything that names @argo, and what is marked so
 * @wake: has hawser_courier_work() run soon; any context
 * @quiesce: waits until it does not run; process context
 * @queues, @starved: (@lock) all, and those that found no room at the peer
 * @max_chain: (@lock) what the peer takes; 0: it has not said yet
 * @writer: (@lock) whose chains are in the parcel that is being written
 * @count, @part_count, @staged, @payload: (@lock) of that parcel
 * @parts: (@lock) the first is @head; bytes in @staging or in buffers of
 *	drivers
 * @slicing: (@lock) whose chain goes in pieces, some of which have been sent
 * @entry: (@lock) the next piece's
 * @runs, @run, @run_count: (@lock) what is left of that chain
 * @ringing: (@lock) queues that the work is about to look at
 * @entries: the work's alone
 */
struct hawser_courier {
	struct hawser_argo_link *argo;
	/* around argo, and what is marked so */
	spinlock_t *lock;
	void (*wake)(struct hawser_courier *c);
	void (*quiesce)(struct hawser_courier *c);

	struct list_head queues;
	struct list_head starved;
	struct list_head ringing;
	u32 max_chain;

	struct hawser_queue *writer;
	u32 count;
	u32 part_count;
	u32 staged;
	u32 payload;
	bool staged_last;
	struct hawser_argo_part parts[XEN_ARGO_MAXIOV];

	struct hawser_queue *slicing;
	struct hawser_courier_entry entry;
	u32 run;
	u32 run_count;
	struct kvec runs[HAWSER_COURIER_RUNS];

	u64 parcels_sent;
	u64 parcels_received;
	u64 bytes_staged;

	struct hawser_courier_entry entries[HAWSER_COURIER_MAX_ENTRIES];
	u8 head[HAWSER_COURIER_HEAD];
	u8 staging[];	/* as long as the longest parcel */
};

extern const struct hawser_path_ops hawser_courier_path;

/* The first four fields of @c are set, the rest is zeroed. */
void hawser_courier_init(struct hawser_courier *c);

/* The link went down, or is new: under the lock. The queues stop by and by. */
void hawser_courier_forget(struct hawser_courier *c);

/*
 * What the peer sent is read, and what waits for room is sent. One at a time,
 * and never together with anything that begins a new epoch. Not under the
 * lock, not in hard interrupts. True: there may be more.
 */
bool hawser_courier_work(struct hawser_courier *c);

/* By which courier a queue travels: the carrier knows. */
struct hawser_courier *hawser_courier_of(struct hawser_queue *q);

#endif
