/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * One queue: the device's half of the ring that the driver uses (relay.c), and
 * a path on which its chains travel to the peer and back (shared_path.c where
 * memory is shared, courier.c where it is not). The
 * driver's ring and buffers are ordinary kernel memory that the peer never
 * sees; whatever the path takes from the peer it checks before it tells.
 */
#ifndef HAWSER_RELAY_H
#define HAWSER_RELAY_H

#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/uio.h>
#include <linux/virtio.h>
#include <linux/virtio_ring.h>

struct hawser_bus;
struct hawser_vdev;

/* What happens to a chain. */
enum hawser_care {
	/* Block, entropy, receive buffers: done again by the next device. */
	HAWSER_AGAIN,
	/*
	 * Frames and console output: over for the driver once it is copied, so
	 * that nobody waits for it; lost with the peer.
	 */
	HAWSER_POST,
	/* The same, and its driver spins: thrown away rather than kept. */
	HAWSER_POST_NOW,
	/* Unknown devices: done again if it only receives, else the end. */
	HAWSER_CAUTIOUS,
};

/*
 * struct hawser_chain - a request, measured
 * @head: where it begins in the driver's ring
 * @readable, @writable: bytes
 * @first: bytes of its first readable segment
 */
struct hawser_chain {
	u16 head;
	u32 readable;
	u32 writable;
	u32 first;
};

#define HAWSER_NO_CHAIN 0xffff

/*
 * struct hawser_slot - what is at the peer
 * @node: among all that are there, oldest first
 * @at, @bytes: its memory in the region
 * @writable: how much of it the peer may write
 * @copy: offset in the region of what the peer writes
 * @head: the driver's chain; HAWSER_NO_CHAIN: nobody waits for it
 * @busy: the peer has it
 */
struct hawser_slot {
	struct list_head node;
	u32 at;
	u32 bytes;
	u32 writable;
	u32 copy;
	u16 head;
	bool busy;
};

/*
 * struct hawser_path - the driver's half of the ring in the region
 * @num: its size; a chain takes two descriptors, so @num / 2 chains fit
 * @desc, @avail, @used: in the region. Only @used is read, once each.
 * @avail_idx: next position to fill; @told_idx: up to where the peer was told
 * @used_idx: next position to read
 * @held: bytes of the region in use by chains
 * @carried: the courier's own
 */
struct hawser_path {
	u16 num;
	u32 at;
	u32 ring_bytes;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 avail_idx;
	u16 told_idx;
	u16 used_idx;
	bool event_idx;
	u16 free_count;
	u16 *free;
	struct hawser_slot *slots;
	struct list_head in_flight;
	size_t held;
	void *carried;
};

/*
 * struct hawser_queue - one virtqueue and its way to the peer
 * @lock: everything below it. Taken in any context.
 * @ring: the driver's ring; we are its device
 * @live: the peer serves it: chains travel
 * @dead: nobody ever will: chains end at once, with an error where there is one
 * @blocked: a chain finds no room at the peer
 * @unsent: there are more chains than one batch took
 * @impatient: for so long that frames are thrown away until there is room
 * @spin_again: when a spinning driver may be made to wait the next time
 * @mergeable: the driver takes frames in several buffers
 * @frame_left: buffers of such a frame that have not come yet
 * @whole_idx: as much of what is used is whole frames
 * @again: chains that were at a peer that is gone, in their old order
 * @call: its driver is to be called by the tasklet
 * @calling: it is being called, and as drivers expect, by one at a time
 * @bh: what is too much for an interrupt handler
 * @patience: how long a chain of a HAWSER_POST queue may find no room
 */
struct hawser_queue {
	const struct hawser_path_ops *ops;
	struct hawser_vdev *owner;
	struct hawser_bus *bus;
	struct virtqueue *vq;
	u16 index;
	u16 device;
	enum hawser_care care;
	bool long_lived;
	struct list_head mark_node;

	spinlock_t lock;	/* all that follows */
	struct vring ring;
	u16 mask;
	u16 avail_idx;
	u16 used_idx;
	bool event_idx;
	bool mergeable;
	u16 frame_left;
	u16 whole_idx;
	bool live;
	bool dead;
	bool blocked;
	bool unsent;
	bool impatient;
	unsigned long spin_again;
	u16 *again;
	u16 again_first;
	u16 again_count;
	struct hawser_path path;
	u16 call_from;
	bool call;
	bool calling;

	struct tasklet_struct bh;
	struct timer_list patience;

	/* What counters.c shows. */
	u64 chains;
	u64 dropped;
	u64 doorbells;
	u64 interrupts;
	u64 copied;
};

/* relay.c */
struct hawser_queue *hawser_queue_new(struct hawser_vdev *v, u16 index,
				      u16 num, bool context,
				      void (*callback)(struct virtqueue *),
				      const char *name);
void hawser_queue_free(struct hawser_queue *q);
/* Process context. The peer has the ring that hawser_path_open() made. */
void hawser_queue_start(struct hawser_queue *q);
/* Process context. Afterwards nothing is read from or written to the peer. */
void hawser_queue_stop(struct hawser_queue *q);
/* Any context: from now on chains end without the peer. */
void hawser_queue_kill(struct hawser_queue *q);
/* Forgets the chains as well: the driver has reset the device. */
void hawser_queue_forget(struct hawser_queue *q);
/* Any context: the peer may have used something. */
void hawser_queue_rung(struct hawser_queue *q);

/* Any context: the driver waits for no chain; a snapshot. */
bool hawser_queue_served(struct hawser_queue *q);

u32 hawser_chain_out(struct hawser_queue *q, const struct hawser_chain *chain,
		     void *to);
/* The same without copying: runs of bytes that lie together, or -EMSGSIZE. */
int hawser_chain_runs(struct hawser_queue *q, const struct hawser_chain *chain,
		      struct kvec *runs, int most);
/* Copies to where the device writes, from byte @at of it on. */
void hawser_chain_in(struct hawser_queue *q, u16 head, u32 at, const void *from,
		     u32 bytes);

/*
 * struct hawser_done - a chain that the peer is through with
 * @slot: which; given back by hawser_path_release()
 * @written: bytes, at most what it might write
 */
struct hawser_done {
	struct hawser_slot *slot;
	u32 written;
};

/**
 * struct hawser_path_ops - a kind of path; all but open, close and bury under
 * the queue's lock
 * @open: process context. @num is the largest queue that makes sense.
 * @close: process context; what is at the peer is forgotten
 * @bury: the same, but its memory stays untouched until the link is down
 * @stop: the driver may take its buffers back now; %NULL: they are copies
 * @post: 0; -EAGAIN: no room now; -EMSGSIZE: never. With HAWSER_NO_CHAIN for
 *	@head nobody waits, and the chain's bytes are gone when it returns.
 * @publish: lets the peer see what was posted; true: it has to be told as well
 * @take: 1: *done; 0: nothing; negative: the peer may not do that, *why says
 *	what
 * @fetch: copies what the peer wrote into the driver's buffers
 * @release: the end of a slot
 * @arm: asks to be told of the next completion; true: there is one already
 * @disarm: does not ask any more
 */
struct hawser_path_ops {
	int (*open)(struct hawser_queue *q, u16 num, bool event_idx);
	void (*close)(struct hawser_queue *q);
	void (*bury)(struct hawser_queue *q);
	void (*stop)(struct hawser_queue *q);
	int (*post)(struct hawser_queue *q, const struct hawser_chain *chain,
		    u16 head);
	bool (*publish)(struct hawser_queue *q);
	int (*take)(struct hawser_queue *q, struct hawser_done *done,
		    const char **why);
	void (*fetch)(struct hawser_queue *q, const struct hawser_done *done);
	void (*release)(struct hawser_queue *q, struct hawser_slot *slot);
	bool (*arm)(struct hawser_queue *q);
	void (*disarm)(struct hawser_queue *q);
};

extern const struct hawser_path_ops hawser_shared_path;

static inline int hawser_path_open(struct hawser_queue *q, u16 num,
				   bool event_idx)
{
	return q->ops->open(q, num, event_idx);
}

static inline void hawser_path_close(struct hawser_queue *q)
{
	q->ops->close(q);
}

static inline void hawser_path_bury(struct hawser_queue *q)
{
	q->ops->bury(q);
}

static inline void hawser_path_stop(struct hawser_queue *q)
{
	if (q->ops->stop)
		q->ops->stop(q);
}

static inline int hawser_path_post(struct hawser_queue *q,
				   const struct hawser_chain *chain, u16 head)
{
	return q->ops->post(q, chain, head);
}

static inline bool hawser_path_publish(struct hawser_queue *q)
{
	return q->ops->publish(q);
}

static inline int hawser_path_take(struct hawser_queue *q,
				   struct hawser_done *done, const char **why)
{
	return q->ops->take(q, done, why);
}

static inline void hawser_path_fetch(struct hawser_queue *q,
				     const struct hawser_done *done)
{
	q->ops->fetch(q, done);
}

static inline void hawser_path_release(struct hawser_queue *q,
				       struct hawser_slot *slot)
{
	q->ops->release(q, slot);
}

static inline bool hawser_path_arm(struct hawser_queue *q)
{
	return q->ops->arm(q);
}

static inline void hawser_path_disarm(struct hawser_queue *q)
{
	q->ops->disarm(q);
}

#endif
