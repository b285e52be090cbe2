// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * The path over shared memory: the driver's half of a split ring that lies in
 * the region, and the memory beside it that requests travel in. A request takes
 * one piece of that memory, first what the device reads, then what it writes,
 * and so at most two descriptors: 2n and 2n + 1 for slot n. The peer can write
 * everywhere in there. Of all that only the used ring is ever read back, each
 * word once; what else is needed is remembered in private memory.
 */

#include <linux/genalloc.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_ring.h>

#include "bus.h"
#include "relay.h"

#define UNIT_ORDER 8		/* the arena gives multiples of 256 bytes */
#define GRAIN 4096		/* data begin so in a window, on any kernel */
#define ALIGN_TO 64u		/* data begins where a cache line does */

static inline u16 le16(__virtio16 value)
{
	return __virtio16_to_cpu(true, value);
}

static inline __virtio16 to_le16(u16 value)
{
	return __cpu_to_virtio16(true, value);
}

static void shared_close(struct hawser_queue *q);
static void shared_release(struct hawser_queue *q, struct hawser_slot *slot);
static void shared_disarm(struct hawser_queue *q);

/* --- the arena ----------------------------------------------------------- */

/*
 * A quarter of the region is for buffers that wait at the peer, as those for
 * frames that have not come yet: they would cut the rest into pieces.
 */
int hawser_arena_open(struct hawser_bus *bus)
{
	struct hawser_link *link = bus->link;
	unsigned long at = (unsigned long)link->region;
	size_t bytes = round_down(link->region_bytes, GRAIN);
	size_t posted = round_down(bytes / 4, GRAIN);

	/* Offsets travel in 32 bits here. */
	if (!posted || bytes > U32_MAX || !IS_ALIGNED(at, GRAIN))
		return -EINVAL;
	bus->arena = gen_pool_create(UNIT_ORDER, -1);
	bus->posted = gen_pool_create(UNIT_ORDER, -1);
	if (!bus->arena || !bus->posted ||
	    gen_pool_add(bus->posted, at + bytes - posted, posted, -1) ||
	    gen_pool_add(bus->arena, at, bytes - posted, -1)) {
		hawser_arena_close(bus);
		return -ENOMEM;
	}
	/* Several of the longest at once, however they lie. */
	link->longest = round_down((bytes - posted) / 8, GRAIN);
	return 0;
}

void hawser_arena_close(struct hawser_bus *bus)
{
	if (bus->arena)
		gen_pool_destroy(bus->arena);
	if (bus->posted)
		gen_pool_destroy(bus->posted);
	bus->arena = NULL;
	bus->posted = NULL;
}

static struct gen_pool *pool_of(const struct hawser_queue *q)
{
	return q->long_lived ? q->bus->posted : q->bus->arena;
}

/*
 * No queue starves the others: none gets more than a quarter, and when it
 * becomes tight, only those get more that have little. A queue that has nothing
 * may have what there is, so that each request goes through in the end.
 */
static bool fair(const struct hawser_queue *q, struct gen_pool *pool,
		 size_t bytes)
{
	size_t all = gen_pool_size(pool);
	size_t held = q->path.held;

	if (!held)
		return true;
	if (held + bytes > all / 4)
		return false;
	return held + bytes <= all / 32 || gen_pool_avail(pool) > all / 4;
}

static u32 offset_of(const struct hawser_queue *q, unsigned long at)
{
	return at - (unsigned long)q->bus->link->region;
}

/* --- life ---------------------------------------------------------------- */

static size_t avail_at(u16 num)
{
	return num * sizeof(struct vring_desc);
}

static size_t used_at(u16 num)
{
	/* flags, idx, ring, used_event; then aligned to 4 (2.7) */
	return ALIGN(avail_at(num) + 6 + 2 * num, ALIGN_TO);
}

static size_t ring_size(u16 num)
{
	return used_at(num) + 6 + 8 * num;
}

/* The ring is empty and nothing at the peer, whatever was before. */
static int shared_open(struct hawser_queue *q, u16 num, bool event_idx)
{
	struct hawser_path *path = &q->path;
	unsigned long at;
	u16 n;

	if (num < 2 || !is_power_of_2(num))
		return -EINVAL;
	shared_close(q);
	path->slots = kcalloc(num / 2, sizeof(*path->slots), GFP_KERNEL);
	path->free = kcalloc(num / 2, sizeof(*path->free), GFP_KERNEL);
	at = gen_pool_alloc(q->bus->arena, ring_size(num));
	if (!path->slots || !path->free || !at) {
		if (at)
			gen_pool_free(q->bus->arena, at, ring_size(num));
		kfree(path->slots);
		kfree(path->free);
		path->slots = NULL;
		path->free = NULL;
		return -ENOMEM;
	}
	memset((void *)at, 0, ring_size(num));
	path->at = offset_of(q, at);
	path->ring_bytes = ring_size(num);
	path->desc = (void *)at;
	path->avail = (void *)at + avail_at(num);
	path->used = (void *)at + used_at(num);
	path->num = num;
	path->avail_idx = 0;
	path->told_idx = 0;
	path->used_idx = 0;
	path->event_idx = event_idx;
	path->free_count = num / 2;
	for (n = 0; n < num / 2; n++)
		path->free[n] = num / 2 - 1 - n;
	path->held = 0;
	INIT_LIST_HEAD(&path->in_flight);
	if (q->care == HAWSER_POST || q->care == HAWSER_POST_NOW)
		shared_disarm(q);
	return 0;
}

/* The peer does not use the ring any more, or is not there any more. */
static void shared_close(struct hawser_queue *q)
{
	struct hawser_path *path = &q->path;
	struct hawser_slot *slot, *next;

	if (!path->num)
		return;
	list_for_each_entry_safe(slot, next, &path->in_flight, node)
		shared_release(q, slot);
	gen_pool_free(q->bus->arena, (unsigned long)path->desc,
		      path->ring_bytes);
	kfree(path->slots);
	kfree(path->free);
	path->slots = NULL;
	path->free = NULL;
	path->num = 0;
	hawser_bus_feed(q->bus);
}

/* What a device that was not seen to end its reset may still write to. */
struct grave {
	struct list_head node;
	struct hawser_path path;
	bool long_lived;
};

static void shared_bury(struct hawser_queue *q)
{
	struct hawser_path *path = &q->path;
	struct grave *grave;

	if (!path->num)
		return;
	grave = kzalloc(sizeof(*grave), GFP_KERNEL | __GFP_NOFAIL);
	grave->path = *path;
	grave->long_lived = q->long_lived;
	INIT_LIST_HEAD(&grave->path.in_flight);
	list_splice_init(&path->in_flight, &grave->path.in_flight);
	spin_lock_irq(&q->bus->lock);
	list_add(&grave->node, &q->bus->graves);
	spin_unlock_irq(&q->bus->lock);
	path->slots = NULL;
	path->free = NULL;
	path->num = 0;
	path->held = 0;
}

void hawser_graves_clear(struct hawser_bus *bus)
{
	struct grave *grave, *next;
	struct hawser_slot *slot;
	LIST_HEAD(graves);

	spin_lock_irq(&bus->lock);
	list_splice_init(&bus->graves, &graves);
	spin_unlock_irq(&bus->lock);
	list_for_each_entry_safe(grave, next, &graves, node) {
		struct gen_pool *pool = grave->long_lived ? bus->posted :
							    bus->arena;

		list_for_each_entry(slot, &grave->path.in_flight, node)
			gen_pool_free(pool, (unsigned long)bus->link->region +
				      slot->at, slot->bytes);
		gen_pool_free(bus->arena, (unsigned long)grave->path.desc,
			      grave->path.ring_bytes);
		kfree(grave->path.slots);
		kfree(grave->path.free);
		list_del(&grave->node);
		kfree(grave);
	}
	hawser_bus_feed(bus);
}

/* --- to the peer --------------------------------------------------------- */

static void write_desc(struct vring_desc *desc, u32 at, u32 bytes, u16 flags,
		       u16 next)
{
	desc->addr = __cpu_to_virtio64(true, at);
	desc->len = __cpu_to_virtio32(true, bytes);
	desc->flags = to_le16(flags);
	desc->next = to_le16(next);
}

static int shared_post(struct hawser_queue *q, const struct hawser_chain *chain,
		       u16 head)
{
	struct hawser_path *path = &q->path;
	struct gen_pool *pool = pool_of(q);
	struct hawser_slot *slot;
	u32 pad = 0, readable, bytes;
	unsigned long at;
	u16 n, d;

	/* A short header is put in front of a line, its data on the line. */
	if (chain->first < ALIGN_TO && chain->first < chain->readable)
		pad = ALIGN_TO - chain->first;
	if (chain->readable > SZ_1G || chain->writable > SZ_1G)
		return -EMSGSIZE;
	readable = ALIGN(pad + chain->readable, ALIGN_TO);
	bytes = readable + chain->writable;
	if (bytes > gen_pool_size(pool) / 2)
		return -EMSGSIZE;
	if (!bytes)
		return -EMSGSIZE;
	if (!path->free_count)
		return -EAGAIN;
	at = fair(q, pool, bytes) ? gen_pool_alloc(pool, bytes) : 0;
	if (!at) {
		/* Once more: what was given back before this wakes nobody. */
		WRITE_ONCE(q->bus->starving, true);
		smp_mb();	/* pairs with hawser_bus_feed() */
		at = fair(q, pool, bytes) ? gen_pool_alloc(pool, bytes) : 0;
		if (!at)
			return -EAGAIN;
	}

	n = path->free[--path->free_count];
	slot = &path->slots[n];
	slot->at = offset_of(q, at);
	slot->bytes = bytes;
	slot->writable = chain->writable;
	slot->copy = slot->at + readable;
	slot->head = head;
	slot->busy = true;
	path->held += bytes;
	list_add_tail(&slot->node, &path->in_flight);

	d = 2 * n;
	if (chain->readable) {
		hawser_chain_out(q, chain, (void *)at + pad);
		write_desc(&path->desc[d], slot->at + pad, chain->readable,
			   chain->writable ? VRING_DESC_F_NEXT : 0, d + 1);
		if (chain->writable)
			write_desc(&path->desc[d + 1], slot->copy,
				   chain->writable, VRING_DESC_F_WRITE, 0);
	} else {
		write_desc(&path->desc[d], slot->copy, chain->writable,
			   VRING_DESC_F_WRITE, 0);
	}
	path->avail->ring[path->avail_idx & (path->num - 1)] = to_le16(d);
	path->avail_idx++;
	return 0;
}

static bool shared_publish(struct hawser_queue *q)
{
	struct hawser_path *path = &q->path;
	u16 from = path->told_idx;
	u16 to = path->avail_idx;
	__virtio16 *avail_event;

	if (from == to)
		return false;
	path->told_idx = to;
	/* Pairs with the peer's acquire of the index. */
	virt_store_release(&path->avail->idx, to_le16(to));
	/* The peer asks to be told, then looks; here it is the other way. */
	virt_mb();
	if (!path->event_idx)
		return !(le16(READ_ONCE(path->used->flags)) &
			 VRING_USED_F_NO_NOTIFY);
	avail_event = (__virtio16 *)&path->used->ring[path->num];
	return vring_need_event(le16(READ_ONCE(*avail_event)), to, from);
}

/* --- and back ------------------------------------------------------------ */

static int shared_take(struct hawser_queue *q, struct hawser_done *done,
		       const char **why)
{
	struct hawser_path *path = &q->path;
	struct vring_used_elem *elem;
	struct hawser_slot *slot;
	u16 idx, count;
	u32 id, written;

	/* Pairs with the peer's release of it. */
	idx = le16(virt_load_acquire(&path->used->idx));
	count = idx - path->used_idx;
	if (!count)
		return 0;
	if (count > path->num / 2 - path->free_count) {
		*why = "it used more than it was given";
		return -EPROTO;
	}
	elem = &path->used->ring[path->used_idx & (path->num - 1)];
	id = __virtio32_to_cpu(true, READ_ONCE(elem->id));
	written = __virtio32_to_cpu(true, READ_ONCE(elem->len));
	if (id >= path->num || id % 2) {
		*why = "it used a descriptor that begins no request";
		return -EPROTO;
	}
	slot = &path->slots[id / 2];
	if (!slot->busy) {
		*why = "it used what it does not have";
		return -EPROTO;
	}
	if (written > slot->writable) {
		*why = "it wrote more than there was room for";
		return -EPROTO;
	}
	path->used_idx++;
	done->slot = slot;
	done->written = written;
	return 1;
}

static void shared_release(struct hawser_queue *q, struct hawser_slot *slot)
{
	struct hawser_path *path = &q->path;

	list_del(&slot->node);
	slot->busy = false;
	path->held -= slot->bytes;
	gen_pool_free(pool_of(q),
		      (unsigned long)q->bus->link->region + slot->at,
		      slot->bytes);
	path->free[path->free_count++] = slot - path->slots;
}

static bool shared_arm(struct hawser_queue *q)
{
	struct hawser_path *path = &q->path;

	if (path->event_idx)
		WRITE_ONCE(path->avail->ring[path->num],
			   to_le16(path->used_idx));
	else
		WRITE_ONCE(path->avail->flags, 0);
	/* The peer uses, then looks at this; here it is the other way. */
	virt_mb();
	return le16(READ_ONCE(path->used->idx)) != path->used_idx;
}

static void shared_disarm(struct hawser_queue *q)
{
	struct hawser_path *path = &q->path;

	if (path->event_idx)	/* as far away as can be */
		WRITE_ONCE(path->avail->ring[path->num],
			   to_le16(path->used_idx - 1));
	else
		WRITE_ONCE(path->avail->flags,
			   to_le16(VRING_AVAIL_F_NO_INTERRUPT));
}

static void shared_fetch(struct hawser_queue *q, const struct hawser_done *done)
{
	hawser_chain_in(q, done->slot->head, 0,
			q->bus->link->region + done->slot->copy, done->written);
}

const struct hawser_path_ops hawser_shared_path = {
	.open = shared_open,
	.close = shared_close,
	.bury = shared_bury,
	.post = shared_post,
	.publish = shared_publish,
	.take = shared_take,
	.fetch = shared_fetch,
	.release = shared_release,
	.arm = shared_arm,
	.disarm = shared_disarm,
};
