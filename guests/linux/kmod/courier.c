// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * The driver's side courier: courier.h. What can be read of a chain goes out
 * from where it lies, or from the staging area when a parcel has no part left
 * for it, or when its driver will not wait. A parcel carries chains of one
 * queue, so that nothing of a queue is left behind when it ends.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "courier.h"

/* Shorter runs of bytes are not worth the last part of a parcel. */
#define SMALL 256

/* Parcels in one run of the work. */
#define PARCELS 32

/* Of one chain, in one hold of the locks: a peer may take 32 bytes in each. */
#define PIECES 32

/* What is remembered of a chain that is at the peer. */
struct courier_slot {
	struct hawser_slot slot;
	struct list_head done_node;
	u32 length;	/* what the device says it wrote */
	u32 got;
	bool begun;	/* the first piece has come */
	bool done;
	bool slicing;	/* not all of it is in a parcel; the link's lock */
};

/* All but @ring_node and @all_node under the queue's lock. */
struct courier_queue {
	struct hawser_queue *q;
	struct list_head all_node;	/* the link's lock */
	struct list_head ring_node;	/* the link's lock */
	struct list_head done;
	u32 since;	/* what was completed before is not for this queue */
	u16 num;
	u16 free_count;
	u16 *free;
	struct courier_slot *slots;
};

static struct courier_queue *carried(const struct hawser_queue *q)
{
	return q->path.carried;
}

/* --- the parcel that is being written ------------------------------------ */

static u32 head_bytes(u32 entries)
{
	return sizeof(struct hawser_courier_header) +
	       entries * sizeof(struct hawser_courier_entry);
}

static void clear_parcel(struct hawser_courier *c)
{
	c->writer = NULL;
	c->count = 0;
	c->part_count = 1;
	c->staged = 0;
	c->payload = 0;
	c->staged_last = false;
}

/* Payload that one more entry may carry. */
static u32 room(const struct hawser_courier *c)
{
	u32 taken = head_bytes(c->count + 1) + c->payload;

	if (c->count == HAWSER_COURIER_MAX_ENTRIES ||
	    taken >= c->argo->data_mtu)
		return 0;
	return c->argo->data_mtu - taken;
}

/* The last part may have gone to a chain that nothing was to follow. */
static bool takes_entry(const struct hawser_courier *c)
{
	return (c->part_count < XEN_ARGO_MAXIOV || c->staged_last) &&
	       c->count < HAWSER_COURIER_MAX_ENTRIES &&
	       head_bytes(c->count + 1) + c->payload <= c->argo->data_mtu;
}

static void begin_parcel(struct hawser_courier *c, struct hawser_queue *q)
{
	struct hawser_courier_header header = {
		.kind = HAWSER_COURIER_REQUESTS,
		.version = HAWSER_COURIER_VERSION,
		.control = cpu_to_le32(c->argo->messages_sent),
	};

	clear_parcel(c);
	c->writer = q;
	memcpy(c->head, &header, sizeof(header));
}

/* Copies, and so needs no part of its own behind other copies. */
static void stage(struct hawser_courier *c, const void *from, u32 bytes)
{
	u8 *to = c->staging + c->staged;

	memcpy(to, from, bytes);
	if (c->staged_last)
		c->parts[c->part_count - 1].bytes += bytes;
	else
		c->parts[c->part_count++] = (struct hawser_argo_part){
			.at = to,
			.bytes = bytes,
		};
	c->staged_last = true;
	c->staged += bytes;
	c->payload += bytes;
	c->bytes_staged += bytes;
}

/* @last: nothing else of this entry follows. @keep: what lies there will go. */
static void add(struct hawser_courier *c, const void *from, u32 bytes,
		bool last, bool keep)
{
	u32 parts_left = XEN_ARGO_MAXIOV - c->part_count;
	bool small = bytes <= SMALL;

	if (keep || !parts_left || (c->staged_last && small) ||
	    (parts_left == 1 && (small || !last))) {
		stage(c, from, bytes);
		return;
	}
	c->parts[c->part_count++] = (struct hawser_argo_part){
		.at = from,
		.bytes = bytes,
	};
	c->staged_last = false;
	c->payload += bytes;
}

static void add_entry(struct hawser_courier *c,
		      const struct hawser_courier_entry *entry)
{
	memcpy(c->head + head_bytes(c->count), entry, sizeof(*entry));
	c->count++;
}

/* False: no room now. The parcel stays as it is. */
static bool flush(struct hawser_courier *c)
{
	struct hawser_courier_header *header = (void *)c->head;
	int ret;

	if (!c->count)
		return true;
	header->count = cpu_to_le16(c->count);
	c->parts[0].at = c->head;
	c->parts[0].bytes = head_bytes(c->count);
	ret = hawser_argo_send_parcel(c->argo, c->parts, c->part_count);
	/* The peer's credit may be there already, only not read yet. */
	if (ret == -EAGAIN && !c->argo->gone) {
		if (hawser_argo_look(c->argo))
			c->wake(c);
		ret = hawser_argo_send_parcel(c->argo, c->parts, c->part_count);
	}
	if (ret)
		return false;
	c->parcels_sent++;
	clear_parcel(c);
	return true;
}

/* --- a chain in pieces --------------------------------------------------- */

/* As much of the chain as the parcel, an empty one, takes. True: all of it. */
static bool add_piece(struct hawser_courier *c)
{
	u32 left = room(c);
	u32 added = 0;

	while (c->run < c->run_count && left) {
		struct kvec *run = &c->runs[c->run];
		u32 some = min_t(u32, run->iov_len, left);

		add(c, run->iov_base, some, some == left, false);
		run->iov_base += some;
		run->iov_len -= some;
		left -= some;
		added += some;
		if (!run->iov_len)
			c->run++;
	}
	c->entry.bytes = cpu_to_le32(added);
	add_entry(c, &c->entry);
	le32_add_cpu(&c->entry.at, added);
	return c->run == c->run_count;
}

/* Sends pieces while there is room; the work goes on where they are many. */
static void go_on_slicing(struct hawser_courier *c)
{
	struct hawser_queue *q = c->slicing;
	int pieces = 0;

	while (flush(c)) {
		if (pieces++ == PIECES) {
			c->wake(c);
			return;
		}
		begin_parcel(c, q);
		if (!add_piece(c))
			continue;
		carried(q)->slots[le16_to_cpu(c->entry.chain)].slicing = false;
		c->slicing = NULL;
		flush(c);
		return;
	}
}

/* --- to the peer --------------------------------------------------------- */

/* The link's lock is held. */
static int write_chain(struct hawser_courier *c, struct hawser_queue *q,
		       const struct hawser_chain *chain,
		       struct courier_slot *slot, bool keep)
{
	struct hawser_courier_entry entry = {
		.device = cpu_to_le16(q->device),
		.queue = cpu_to_le16(q->index),
		.chain = cpu_to_le16(slot - carried(q)->slots),
		.length = cpu_to_le32(chain->readable),
		.writable = cpu_to_le32(chain->writable),
		.bytes = cpu_to_le32(chain->readable),
	};
	int n, runs;

	if (c->argo->state != HAWSER_ARGO_UP || !c->max_chain)
		return -EAGAIN;
	if (c->slicing)
		go_on_slicing(c);
	if (c->slicing)
		return -EAGAIN;
	if (chain->readable > c->max_chain || chain->writable > c->max_chain ||
	    !(chain->readable | chain->writable))
		return -EMSGSIZE;
	if (c->writer != q || !takes_entry(c) || chain->readable > room(c)) {
		if (!flush(c))
			return -EAGAIN;
		begin_parcel(c, q);
	}
	runs = hawser_chain_runs(q, chain, c->runs, ARRAY_SIZE(c->runs));
	if (runs < 0)
		return runs;
	if (!takes_entry(c))
		return -EMSGSIZE;
	if (chain->readable <= room(c)) {
		for (n = 0; n < runs; n++)
			add(c, c->runs[n].iov_base, c->runs[n].iov_len,
			    n == runs - 1, keep);
		add_entry(c, &entry);
		return 0;
	}
	/* Who does not wait can not be remembered piece by piece. */
	if (keep)
		return -EMSGSIZE;
	c->entry = entry;
	c->run = 0;
	c->run_count = runs;
	c->slicing = q;
	slot->slicing = true;
	go_on_slicing(c);
	return 0;
}

static int courier_post(struct hawser_queue *q,
			const struct hawser_chain *chain, u16 head)
{
	struct hawser_courier *c = hawser_courier_of(q);
	struct courier_queue *cq = carried(q);
	struct courier_slot *slot;
	unsigned long flags;
	int ret;

	if (!cq->free_count)
		return -EAGAIN;
	slot = &cq->slots[cq->free[cq->free_count - 1]];
	spin_lock_irqsave(c->lock, flags);
	ret = write_chain(c, q, chain, slot, head == HAWSER_NO_CHAIN);
	if (ret == -EAGAIN)
		list_move_tail(&cq->ring_node, &c->starved);
	spin_unlock_irqrestore(c->lock, flags);
	if (ret)
		return ret;

	cq->free_count--;
	slot->slot.head = head;
	slot->slot.writable = chain->writable;
	slot->slot.busy = true;
	slot->length = 0;
	slot->got = 0;
	slot->begun = false;
	slot->done = false;
	list_add_tail(&slot->slot.node, &q->path.in_flight);
	return 0;
}

/* Sending tells. */
static bool courier_publish(struct hawser_queue *q)
{
	struct hawser_courier *c = hawser_courier_of(q);
	unsigned long flags;

	spin_lock_irqsave(c->lock, flags);
	if (c->writer == q && !c->slicing)
		flush(c);
	spin_unlock_irqrestore(c->lock, flags);
	return false;
}

/* Its drivers' buffers are not looked at any more. */
static void courier_stop(struct hawser_queue *q)
{
	struct hawser_courier *c = hawser_courier_of(q);
	unsigned long flags;

	spin_lock_irqsave(c->lock, flags);
	if (c->slicing == q)
		c->slicing = NULL;
	if (c->writer == q)
		clear_parcel(c);
	spin_unlock_irqrestore(c->lock, flags);
}

/* --- and back ------------------------------------------------------------ */

/*
 * Not all of the chain has been sent: were it complete, its driver would take
 * back memory that is still to be read for the peer. The queue's lock is held.
 */
static bool unsent(struct hawser_courier *c, const struct courier_queue *cq,
		   u16 id)
{
	const struct hawser_courier_entry *entry =
		(const void *)(c->head + head_bytes(0));
	bool found;
	u32 n;

	spin_lock(c->lock);
	found = cq->slots[id].slicing;
	for (n = 0; c->writer == cq->q && n < c->count && !found; n++)
		found = le16_to_cpu(entry[n].chain) == id;
	spin_unlock(c->lock);
	return found;
}

/* The front of what is left of a parcel, which then is left without it. */
struct rest {
	struct hawser_argo_part part[2];
};

static u32 rest_bytes(const struct rest *rest)
{
	return rest->part[0].bytes + rest->part[1].bytes;
}

static struct rest cut(struct rest *rest, u32 bytes)
{
	struct rest front;
	int n;

	for (n = 0; n < 2; n++) {
		u32 some = min(rest->part[n].bytes, bytes);

		front.part[n].at = rest->part[n].at;
		front.part[n].bytes = some;
		rest->part[n].at += some;
		rest->part[n].bytes -= some;
		bytes -= some;
	}
	return front;
}

static bool read_front(struct rest *rest, void *to, u32 bytes)
{
	struct rest front;

	if (rest_bytes(rest) < bytes)
		return false;
	front = cut(rest, bytes);
	memcpy(to, front.part[0].at, front.part[0].bytes);
	memcpy((u8 *)to + front.part[0].bytes, front.part[1].at,
	       front.part[1].bytes);
	return true;
}

/* The queue's lock is held. NULL, or what the peer did wrong. */
static const char *accept(struct courier_queue *cq,
			  const struct hawser_courier_entry *entry,
			  const struct rest *bytes)
{
	u16 id = le16_to_cpu(entry->chain);
	u32 length = le32_to_cpu(entry->length);
	u32 here = le32_to_cpu(entry->bytes);
	struct courier_slot *slot;
	int n;

	if (id >= cq->num)
		return "the peer completed a chain that is not on its way";
	slot = &cq->slots[id];
	if (!slot->slot.busy || slot->done ||
	    unsent(hawser_courier_of(cq->q), cq, id))
		return "the peer completed a chain that is not on its way";
	if (length > slot->slot.writable)
		return "the peer wrote more than a chain has room for";
	if (le32_to_cpu(entry->at) != slot->got ||
	    (slot->begun && length != slot->length) ||
	    here > length - slot->got || (!here && length))
		return "the peer sent the pieces of a completion out of order";
	slot->begun = true;
	slot->length = length;
	for (n = 0; n < 2; n++) {
		if (slot->slot.head != HAWSER_NO_CHAIN)
			hawser_chain_in(cq->q, slot->slot.head, slot->got,
					bytes->part[n].at,
					bytes->part[n].bytes);
		slot->got += bytes->part[n].bytes;
	}
	if (slot->got == slot->length) {
		slot->done = true;
		list_add_tail(&slot->done_node, &cq->done);
	}
	return NULL;
}

/* Whoever is found stays until the work is over: courier_close() waits. */
static struct courier_queue *find(struct hawser_courier *c,
				  const struct hawser_courier_entry *entry)
{
	u16 device = le16_to_cpu(entry->device);
	u16 index = le16_to_cpu(entry->queue);
	struct courier_queue *cq, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(c->lock, flags);
	list_for_each_entry(cq, &c->queues, all_node) {
		if (cq->q->device == device && cq->q->index == index) {
			found = cq;
			list_move_tail(&cq->ring_node, &c->ringing);
			break;
		}
	}
	spin_unlock_irqrestore(c->lock, flags);
	return found;
}

static const char *read_completions(struct hawser_courier *c,
				    const struct hawser_courier_header *header,
				    struct rest *rest)
{
	u32 control = le32_to_cpu(header->control);
	u32 count = le16_to_cpu(header->count);
	struct courier_queue *cq = NULL;
	const char *why = NULL;
	u32 n;

	if (count > HAWSER_COURIER_MAX_ENTRIES)
		return "the peer sent a parcel with too many entries";
	if (!read_front(rest, c->entries, count * sizeof(c->entries[0])))
		return "the peer sent a parcel that ends within its entries";
	for (n = 0; n < count && !why; n++) {
		const struct hawser_courier_entry *entry = &c->entries[n];
		unsigned long flags;
		struct rest bytes;

		if (le32_to_cpu(entry->bytes) > rest_bytes(rest))
			return "the peer sent a parcel that ends within its bytes";
		bytes = cut(rest, le32_to_cpu(entry->bytes));
		if (!n || entry->device != entry[-1].device ||
		    entry->queue != entry[-1].queue)
			cq = find(c, entry);
		if (!cq)
			continue;
		/* One hold of the lock for each: none is long. */
		spin_lock_irqsave(&cq->q->lock, flags);
		if (cq->q->live && (s32)(control - cq->since) >= 0)
			why = accept(cq, entry, &bytes);
		spin_unlock_irqrestore(&cq->q->lock, flags);
	}
	if (!why && rest_bytes(rest))
		why = "the peer sent a parcel with bytes that belong to nothing";
	return why;
}

static const char *read_limits(struct hawser_courier *c, struct rest *rest)
{
	struct hawser_courier_limits limits;
	unsigned long flags;

	if (!read_front(rest, &limits, sizeof(limits)) || !limits.max_chain)
		return "the peer announced limits that make no sense";
	spin_lock_irqsave(c->lock, flags);
	c->max_chain = le32_to_cpu(limits.max_chain);
	spin_unlock_irqrestore(c->lock, flags);
	return NULL;
}

/* Not under the lock: the parcel stays, since only the work releases it. */
static const char *read_parcel(struct hawser_courier *c,
			       const struct hawser_courier_header *header,
			       struct rest *rest)
{
	switch (header->kind) {
	case HAWSER_COURIER_LIMITS:
		return read_limits(c, rest);
	case HAWSER_COURIER_COMPLETIONS:
		return read_completions(c, header, rest);
	default:
		return "the peer sent a parcel of an unknown kind";
	}
}

static void receive(struct hawser_courier *c, int *budget)
{
	const struct hawser_argo_message *parcel;
	struct hawser_courier_header header;
	const char *why;
	struct rest rest;

	for (; *budget; --*budget) {
		spin_lock_irq(c->lock);
		parcel = hawser_argo_receive_parcel(c->argo);
		why = NULL;
		if (parcel) {
			rest.part[0] = parcel->part[0];
			rest.part[1] = parcel->part[1];
			if (!read_front(&rest, &header, sizeof(header)) ||
			    header.version != HAWSER_COURIER_VERSION)
				why = "the peer sent a parcel without a header of this version";
			/* Messages that were sent before it come before it. */
			else if ((s32)(le32_to_cpu(header.control) -
				       c->argo->messages_arrived) > 0)
				parcel = NULL;
		}
		spin_unlock_irq(c->lock);
		if (!parcel)
			return;
		if (!why)
			why = read_parcel(c, &header, &rest);
		spin_lock_irq(c->lock);
		hawser_argo_release_parcel(c->argo);
		c->parcels_received++;
		if (why)
			hawser_argo_fail(c->argo, why);
		spin_unlock_irq(c->lock);
	}
}

bool hawser_courier_work(struct hawser_courier *c)
{
	int budget = PARCELS;

	spin_lock_irq(c->lock);
	hawser_argo_look(c->argo);
	spin_unlock_irq(c->lock);
	receive(c, &budget);

	spin_lock_irq(c->lock);
	if (c->slicing)
		go_on_slicing(c);
	if (flush(c) && c->max_chain && !c->slicing)
		list_splice_tail_init(&c->starved, &c->ringing);
	while (!list_empty(&c->ringing)) {
		struct courier_queue *cq;

		cq = list_first_entry(&c->ringing, struct courier_queue,
				      ring_node);
		list_del_init(&cq->ring_node);
		spin_unlock_irq(c->lock);
		hawser_queue_rung(cq->q);
		spin_lock_irq(c->lock);
	}
	hawser_argo_settle(c->argo);
	spin_unlock_irq(c->lock);
	return !budget;
}

static int courier_take(struct hawser_queue *q, struct hawser_done *done,
			const char **why)
{
	struct courier_queue *cq = carried(q);
	struct courier_slot *slot;

	slot = list_first_entry_or_null(&cq->done, struct courier_slot,
					done_node);
	if (!slot)
		return 0;
	list_del_init(&slot->done_node);
	done->slot = &slot->slot;
	done->written = slot->length;
	return 1;
}

/* It was copied where it arrived. */
static void courier_fetch(struct hawser_queue *q, const struct hawser_done *done)
{
}

static void courier_release(struct hawser_queue *q, struct hawser_slot *slot)
{
	struct courier_queue *cq = carried(q);
	struct courier_slot *own = container_of(slot, struct courier_slot,
						slot);

	list_del(&slot->node);
	list_del_init(&own->done_node);
	slot->busy = false;
	cq->free[cq->free_count++] = own - cq->slots;
}

static bool courier_arm(struct hawser_queue *q)
{
	return !list_empty(&carried(q)->done);
}

static void courier_disarm(struct hawser_queue *q)
{
}

/* --- life ---------------------------------------------------------------- */

/* Addresses in the peer's copy of a ring mean nothing: they stay 0. */
static int courier_open(struct hawser_queue *q, u16 num, bool event_idx)
{
	struct hawser_courier *c = hawser_courier_of(q);
	struct courier_queue *cq;
	u16 n;

	hawser_path_close(q);
	cq = kzalloc(sizeof(*cq), GFP_KERNEL);
	if (!cq)
		return -ENOMEM;
	cq->slots = kcalloc(num, sizeof(*cq->slots), GFP_KERNEL);
	cq->free = kcalloc(num, sizeof(*cq->free), GFP_KERNEL);
	if (!cq->slots || !cq->free) {
		kfree(cq->slots);
		kfree(cq->free);
		kfree(cq);
		return -ENOMEM;
	}
	cq->q = q;
	cq->num = num;
	cq->free_count = num;
	for (n = 0; n < num; n++) {
		cq->free[n] = num - 1 - n;
		INIT_LIST_HEAD(&cq->slots[n].done_node);
	}
	INIT_LIST_HEAD(&cq->done);
	INIT_LIST_HEAD(&cq->ring_node);
	INIT_LIST_HEAD(&q->path.in_flight);

	spin_lock_irq(&q->lock);
	spin_lock(c->lock);
	q->path.carried = cq;
	q->path.num = num;
	cq->since = c->argo->messages_arrived;
	list_add_tail(&cq->all_node, &c->queues);
	spin_unlock(c->lock);
	spin_unlock_irq(&q->lock);
	return 0;
}

static void courier_close(struct hawser_queue *q)
{
	struct hawser_courier *c = hawser_courier_of(q);
	struct courier_queue *cq = carried(q);

	if (!cq)
		return;
	courier_stop(q);
	spin_lock_irq(c->lock);
	list_del(&cq->all_node);
	list_del_init(&cq->ring_node);
	spin_unlock_irq(c->lock);
	c->quiesce(c);
	q->path.carried = NULL;
	q->path.num = 0;
	INIT_LIST_HEAD(&q->path.in_flight);
	kfree(cq->slots);
	kfree(cq->free);
	kfree(cq);
}

const struct hawser_path_ops hawser_courier_path = {
	.open = courier_open,
	.close = courier_close,
	.bury = courier_close,
	.stop = courier_stop,
	.post = courier_post,
	.publish = courier_publish,
	.take = courier_take,
	.fetch = courier_fetch,
	.release = courier_release,
	.arm = courier_arm,
	.disarm = courier_disarm,
};

void hawser_courier_forget(struct hawser_courier *c)
{
	clear_parcel(c);
	c->slicing = NULL;
	c->max_chain = 0;
}

void hawser_courier_init(struct hawser_courier *c)
{
	INIT_LIST_HEAD(&c->queues);
	INIT_LIST_HEAD(&c->starved);
	INIT_LIST_HEAD(&c->ringing);
	hawser_courier_forget(c);
}
