/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * The driver end of a link over a shared window: docs/wire/ivshmem-region.md
 * in C. No PCI, no device model: it is also built in user space, for tests.
 *
 * Two locks, taken by these functions themselves: one for messages, one for
 * marks. poll, start and leave are called one at a time; everything else from
 * anywhere, hard interrupts too.
 */
#ifndef HAWSER_REGION_H
#define HAWSER_REGION_H

#include <linux/spinlock.h>
#include <linux/types.h>

#define HAWSER_NAME_BYTES 32

/* Shorter than the 50 ms within which an end has to move its heartbeat. */
#define HAWSER_POLL_MS 40

struct hawser_region;

/**
 * struct hawser_window - what the carrier has, unchanged while a region uses it
 * @memory: all of it, mapped so that ordinary loads and stores work
 * @bytes: its size
 * @own_id: by which number others ring us
 * @vectors: how many of our vectors others may ring, at least 1
 * @doorbell: rings; orders what was stored before. Any context.
 */
struct hawser_window {
	void *memory;
	u64 bytes;
	u16 own_id;
	u16 vectors;
	void (*doorbell)(struct hawser_region *region, u16 peer, u16 vector);
};

enum hawser_region_state {
	HAWSER_REGION_OFF,	/* not started, or left */
	HAWSER_REGION_RIVAL,	/* another party drives this link, or did */
	HAWSER_REGION_DOWN,	/* nobody there yet */
	HAWSER_REGION_UP,
	HAWSER_REGION_BROKEN,
};

enum hawser_region_event {
	HAWSER_REGION_NOTHING,
	HAWSER_REGION_WENT_UP,
	HAWSER_REGION_WENT_DOWN,
	HAWSER_REGION_BROKE,	/* region->reason says why */
	HAWSER_REGION_HAS_RIVAL,	/* said once per rival */
	HAWSER_REGION_TAKEN,	/* somebody has written our end block */
};

/* One direction of the message queue. Every pointer was checked. */
struct hawser_lane {
	void *produced;
	void *consumed;
	u8 *slots;
	u32 capacity;
	u32 slot_bytes;
	u32 next;
	bool wide;
};

/* One end's notification words; no mask: NULL. */
struct hawser_words {
	__le64 *tx;
	__le64 *rx;
	__le64 *mask;
};

struct hawser_region {
	struct hawser_window window;
	u32 link;
	u32 links_if_new;
	char name[HAWSER_NAME_BYTES];

	enum hawser_region_state state;
	const char *reason;	/* while broken */

	/* Where our link lies; 0 links: not found yet. */
	u64 area_offset;
	u64 area_bytes;
	u64 first_area;
	u32 links;
	u8 *control;
	struct hawser_end_block *own;
	struct hawser_end_block *peer;

	bool claimed;
	u32 own_epoch;
	u32 seen;
	u32 met_id;		/* whose epoch that is */
	u32 beats;
	u32 peer_beat;
	u64 peer_alive_at;
	bool unfit;
	u64 unfit_since;
	bool by_peer;		/* broken, and only another peer helps */
	u32 breaker_epoch;
	u32 breaker_id;
	u64 broken_at;

	struct {
		u32 epoch;
		u32 peer_id;
		u32 heartbeat;
		unsigned int beats;
		u64 since;
		u64 looked_at;
		u64 still;	/* watched since it last moved */
		bool told;
	} rival;

	/* Whom to ring; read once where it is used. */
	u32 peer_id;		/* above 0xffff: nobody */
	u16 peer_vectors;

	spinlock_t message_lock;	/* the following, up to mark_lock */
	struct hawser_lane send;
	struct hawser_lane receive;
	__le16 *own_status;	/* of the own queue head; NULL: none */
	u32 up_count;		/* of the time of being up; 0: not up */
	u32 last_up_count;
	bool admitted;		/* the bus knows of it */
	const char *failed;	/* what poll is to break the link for */

	spinlock_t mark_lock;		/* the following */
	struct hawser_words own_words;
	struct hawser_words peer_words;
	bool marks_open;
	u64 tx;
	u64 rx;
};

void hawser_region_init(struct hawser_region *region,
			const struct hawser_window *window, u32 link,
			u32 links_if_new, const char *name);

/* Looks for the link's place and claims it, or begins to watch who has it. */
enum hawser_region_event hawser_region_start(struct hawser_region *region,
					     u64 now);
void hawser_region_leave(struct hawser_region *region);

/* At least every HAWSER_POLL_MS, and whenever vector 0 was rung. Nanoseconds. */
enum hawser_region_event hawser_region_poll(struct hawser_region *region,
					    u64 now);

/* The part of the window that rings and buffers lie in. After a start. */
void *hawser_region_data(const struct hawser_region *region, size_t *bytes);

/*
 * Times of being up have numbers. The carrier admits one before it tells the
 * bus of it; messages of any other are neither sent nor received, so nothing
 * that was meant for one epoch of the peer reaches the next.
 */
u32 hawser_region_up_count(struct hawser_region *region);
bool hawser_region_admit(struct hawser_region *region, u32 up_count,
			 size_t *mtu);

/* 0, or -EAGAIN (full), -EMSGSIZE, -ENOTCONN. Rings. */
int hawser_region_send(struct hawser_region *region, const void *message,
		       size_t bytes);
/* Bytes, or -EAGAIN (empty), -ENOTCONN. @room: HAWSER_LONGEST_ELEMENT will do. */
int hawser_region_receive(struct hawser_region *region, void *to, size_t room);
/* There is a message to receive. */
bool hawser_region_waiting(struct hawser_region *region);
/* The peer says something else than when we went up: poll soon. */
bool hawser_region_stale(struct hawser_region *region);
void hawser_region_fail(struct hawser_region *region, const char *why);

void hawser_region_ring(struct hawser_region *region, u16 device, u16 queue);
u64 hawser_region_take(struct hawser_region *region);

/* Who is there, as it calls itself; harmless to print. */
void hawser_region_peer_name(const struct hawser_region *region,
			     char name[HAWSER_NAME_BYTES + 1]);

#endif
