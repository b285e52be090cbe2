// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * The device's half of a driver's split ring, and what becomes of its chains:
 * they travel by the path, or wait for the peer to come back, or end with an
 * error. The driver's half is this kernel's own virtio_ring, in memory that
 * only this kernel sees; virtio 1.3 sections 2.7.6 to 2.7.10 are the rules.
 *
 * Everything of a queue happens under its lock, copying included. The lock is
 * let go after each batch, so interrupts are off for one batch at most.
 */

#include <linux/delay.h>
#include <linux/export.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_config.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>

#include "bus.h"
#include "relay.h"

#ifndef CONFIG_64BIT
#error "chains are reached through the kernel's linear map of all memory"
#endif

/* One batch: what an interrupt handler does at once. */
#define BATCH_CHAINS 16
#define BATCH_BYTES (64 * 1024)
/* Batches in one run of the tasklet, and in one kick. */
#define BATCHES 8
/* A queue that finds no room for so long throws its frames away. */
#define PATIENCE msecs_to_jiffies(500)
/* Console output is waited for so long by its spinning driver, that often. */
#define SPIN_US 20000
#define SPIN_AGAIN msecs_to_jiffies(500)

static inline u16 le16(__virtio16 value)
{
	return __virtio16_to_cpu(true, value);
}

static inline u32 le32(__virtio32 value)
{
	return __virtio32_to_cpu(true, value);
}

static inline u64 le64(__virtio64 value)
{
	return __virtio64_to_cpu(true, value);
}

/* --- chains ------------------------------------------------------------- */

/* A way along the descriptors of a chain. */
struct walk {
	const struct vring_desc *table;
	u32 entries;
	u32 at;
	u32 left;
};

static void walk_from(struct hawser_queue *q, u16 head, struct walk *walk)
{
	const struct vring_desc *desc = &q->ring.desc[head];

	if (le16(desc->flags) & VRING_DESC_F_INDIRECT) {
		walk->table = phys_to_virt(le64(desc->addr));
		walk->entries = le32(desc->len) / sizeof(*desc);
		walk->at = 0;
	} else {
		walk->table = q->ring.desc;
		walk->entries = q->ring.num;
		walk->at = head;
	}
	walk->left = walk->entries;
}

static const struct vring_desc *walk_next(struct walk *walk)
{
	const struct vring_desc *desc;

	if (!walk->left || walk->at >= walk->entries)
		return NULL;
	desc = &walk->table[walk->at];
	if (le16(desc->flags) & VRING_DESC_F_NEXT) {
		walk->at = le16(desc->next);
		walk->left--;
	} else {
		walk->left = 0;
	}
	return desc;
}

static void measure(struct hawser_queue *q, u16 head,
		    struct hawser_chain *chain)
{
	const struct vring_desc *desc;
	struct walk walk;

	chain->head = head;
	chain->readable = 0;
	chain->writable = 0;
	chain->first = 0;
	walk_from(q, head, &walk);
	while ((desc = walk_next(&walk))) {
		if (le16(desc->flags) & VRING_DESC_F_WRITE) {
			chain->writable += le32(desc->len);
		} else {
			chain->readable += le32(desc->len);
			if (!chain->first)
				chain->first = le32(desc->len);
		}
	}
}

/* Copies what the device may read to @to, @chain->readable bytes. */
u32 hawser_chain_out(struct hawser_queue *q, const struct hawser_chain *chain,
		     void *to)
{
	const struct vring_desc *desc;
	struct walk walk;
	u32 done = 0;

	walk_from(q, chain->head, &walk);
	while ((desc = walk_next(&walk))) {
		u32 bytes = le32(desc->len);

		if (le16(desc->flags) & VRING_DESC_F_WRITE)
			break;
		memcpy(to + done, phys_to_virt(le64(desc->addr)), bytes);
		done += bytes;
	}
	q->copied += done;
	return done;
}

int hawser_chain_runs(struct hawser_queue *q, const struct hawser_chain *chain,
		      struct kvec *runs, int most)
{
	const struct vring_desc *desc;
	struct walk walk;
	int count = 0;

	walk_from(q, chain->head, &walk);
	while ((desc = walk_next(&walk))) {
		void *at = phys_to_virt(le64(desc->addr));
		u32 bytes = le32(desc->len);

		if (le16(desc->flags) & VRING_DESC_F_WRITE)
			break;
		if (!bytes)
			continue;
		if (count && runs[count - 1].iov_base +
				     runs[count - 1].iov_len == at) {
			runs[count - 1].iov_len += bytes;
			continue;
		}
		if (count == most)
			return -EMSGSIZE;
		runs[count].iov_base = at;
		runs[count++].iov_len = bytes;
	}
	return count;
}
EXPORT_SYMBOL_GPL(hawser_chain_runs);

/* Copies what the device wrote into the chain, in order. */
void hawser_chain_in(struct hawser_queue *q, u16 head, u32 at, const void *from,
		     u32 bytes)
{
	const struct vring_desc *desc;
	struct walk walk;

	q->copied += bytes;
	walk_from(q, head, &walk);
	while (bytes && (desc = walk_next(&walk))) {
		u32 room = le32(desc->len);
		u32 part;

		if (!(le16(desc->flags) & VRING_DESC_F_WRITE))
			continue;
		if (at >= room) {
			at -= room;
			continue;
		}
		part = min(bytes, room - at);
		memcpy(phys_to_virt(le64(desc->addr)) + at, from, part);
		from += part;
		bytes -= part;
		at = 0;
	}
}
EXPORT_SYMBOL_GPL(hawser_chain_in);

/*
 * A block request is only done when its last byte says so. What the device did
 * not write there would be what an earlier request left.
 */
static void fail_block(struct hawser_queue *q, u16 head)
{
	const struct vring_desc *desc, *last = NULL;
	struct walk walk;

	walk_from(q, head, &walk);
	while ((desc = walk_next(&walk))) {
		if ((le16(desc->flags) & VRING_DESC_F_WRITE) && desc->len)
			last = desc;
	}
	if (last) {
		u8 *status = phys_to_virt(le64(last->addr));

		status[le32(last->len) - 1] = VIRTIO_BLK_S_IOERR;
	}
}

static bool is_block(const struct hawser_queue *q)
{
	return q->owner->device_id == VIRTIO_ID_BLOCK;
}

/* --- the driver's ring --------------------------------------------------- */

/* The next chain, without taking it. */
static bool next_head(struct hawser_queue *q, u16 *head)
{
	u16 idx;

	if (q->again_count) {
		*head = q->again[q->again_first];
		return true;
	}
	/* Pairs with the driver's barrier before it publishes. */
	idx = le16(virt_load_acquire(&q->ring.avail->idx));
	if (idx == q->avail_idx)
		return false;
	*head = le16(q->ring.avail->ring[q->avail_idx & q->mask]);
	return *head < q->ring.num;
}

static void take_head(struct hawser_queue *q)
{
	if (q->again_count) {
		q->again_first++;
		q->again_count--;
	} else {
		q->avail_idx++;
	}
	q->chains++;
}

/* Asks the driver to kick for what comes next; true: it has come. */
static bool ask_for_kicks(struct hawser_queue *q)
{
	if (!q->event_idx)
		return false;
	WRITE_ONCE(vring_avail_event(&q->ring),
		   __cpu_to_virtio16(true, q->avail_idx));
	virt_mb();	/* ask, then look; the driver adds, then looks */
	return le16(READ_ONCE(q->ring.avail->idx)) != q->avail_idx;
}

static void finish(struct hawser_queue *q, u16 head, u32 written)
{
	struct vring_used_elem *elem = &q->ring.used->ring[q->used_idx & q->mask];

	elem->id = __cpu_to_virtio32(true, head);
	elem->len = __cpu_to_virtio32(true, written);
	q->used_idx++;
	if (q->frame_left)
		q->frame_left--;
	if (!q->frame_left)
		q->whole_idx = q->used_idx;
}

/*
 * A frame in several buffers is shown to the driver whole (5.1.6.4.1), for it
 * throws away what it finds a part of. How many there are is read where only
 * this kernel writes; a peer that lies keeps its own frames back.
 */
static void begin_frame(struct hawser_queue *q, u16 head, u32 written)
{
	const struct virtio_net_hdr_mrg_rxbuf *header;
	const struct vring_desc *desc;
	struct walk walk;

	if (!q->mergeable || q->frame_left || written < sizeof(*header))
		return;
	walk_from(q, head, &walk);
	desc = walk_next(&walk);
	if (!desc || le32(desc->len) < sizeof(*header))
		return;
	header = phys_to_virt(le64(desc->addr));
	q->frame_left = min_t(u32, le16(header->num_buffers), q->ring.num);
}

/* What is left of a frame will not come. */
static void end_frame(struct hawser_queue *q)
{
	q->frame_left = 0;
	q->whole_idx = q->used_idx;
}

/* Lets the driver see what is finished; true: it wants to be called. */
static bool show_finished(struct hawser_queue *q)
{
	u16 from = q->call_from;
	u16 to = q->whole_idx;

	if (from == to)
		return false;
	q->call_from = to;
	/* Pairs with the driver's barrier before it reads what is used. */
	virt_store_release(&q->ring.used->idx, __cpu_to_virtio16(true, to));
	virt_mb();	/* show, then look; the driver asks, then looks */
	if (q->event_idx)
		return vring_need_event(le16(READ_ONCE(vring_used_event(&q->ring))),
					to, from);
	return !(le16(READ_ONCE(q->ring.avail->flags)) &
		 VRING_AVAIL_F_NO_INTERRUPT);
}

/*
 * The end of a chain that no peer has served. Who only receives is left
 * waiting: a driver told of an empty buffer would hand it in again at once.
 * Not that of a source of entropy, which has readers who hold up others.
 */
static void end_unserved(struct hawser_queue *q,
			 const struct hawser_chain *chain)
{
	q->dropped++;
	if (!chain->readable && q->owner->device_id != VIRTIO_ID_RNG)
		return;
	if (is_block(q))
		fail_block(q, chain->head);
	finish(q, chain->head, 0);
}

/* --- to the peer and back ------------------------------------------------ */

/* Takes back what the peer is through with; negative: it broke the rules. */
static int collect(struct hawser_queue *q, int chains, const char **why)
{
	struct hawser_done done;
	s64 bytes = BATCH_BYTES;
	int count = 0;
	int ret = 0;

	while (count < chains && bytes > 0) {
		ret = hawser_path_take(q, &done, why);
		if (ret <= 0)
			break;
		if (done.slot->head != HAWSER_NO_CHAIN) {
			u16 head = done.slot->head;

			hawser_path_fetch(q, &done);
			if (done.written < done.slot->writable && is_block(q))
				fail_block(q, head);
			begin_frame(q, head, done.written);
			finish(q, head, done.written);
			bytes -= done.written;
		}
		hawser_path_release(q, done.slot);
		hawser_bus_feed(q->bus);
		q->impatient = false;
		q->blocked = false;
		count++;
	}
	return ret < 0 ? ret : count;
}

/*
 * No room for a chain whose driver spins until it has gone. A peer that takes
 * nothing is waited for once: virtio_console of Linux 6.1 forgets what it is
 * sending, and frees it twice, if it is unbound meanwhile.
 */
static bool wait_for_room(struct hawser_queue *q,
			  const struct hawser_chain *chain, const char **why)
{
	ktime_t until = ktime_add_us(ktime_get(), SPIN_US);
	int ret;

	if (q->impatient || time_before(jiffies, q->spin_again))
		return false;
	if (hawser_path_publish(q))
		q->bus->link->ops->ring(q->bus->link, q->device, q->index);
	do {
		ret = collect(q, BATCH_CHAINS, why);
		/* Room comes with completions, or with credit. */
		if (ret >= 0 && !hawser_path_post(q, chain, HAWSER_NO_CHAIN))
			return true;
		cpu_relax();
	} while (ret >= 0 && ktime_before(ktime_get(), until));
	q->impatient = true;
	q->spin_again = jiffies + SPIN_AGAIN;
	return false;
}

/* Sends one chain on its way. False: it has to wait where it is. */
static bool send_one(struct hawser_queue *q, u16 head, const char **why)
{
	bool post = q->care == HAWSER_POST || q->care == HAWSER_POST_NOW;
	struct hawser_chain chain;
	int ret;

	measure(q, head, &chain);
	if (q->dead) {
		end_unserved(q, &chain);
		return true;
	}
	if (!q->live) {
		if (post)
			end_unserved(q, &chain);
		return post;
	}
	if (q->impatient && post && !collect(q, BATCH_CHAINS, why)) {
		end_unserved(q, &chain);
		return true;
	}
	ret = hawser_path_post(q, &chain, post ? HAWSER_NO_CHAIN : head);
	if (ret == -EAGAIN && post && collect(q, BATCH_CHAINS, why) > 0)
		ret = hawser_path_post(q, &chain, HAWSER_NO_CHAIN);
	if (ret == -EAGAIN && q->care == HAWSER_POST_NOW)
		ret = wait_for_room(q, &chain, why) ? 0 : -EMSGSIZE;
	if (ret == -EAGAIN)
		return false;
	if (ret)
		end_unserved(q, &chain);
	else if (post)
		finish(q, head, 0);
	return true;
}

/* Sends what the driver has ready, one batch. True: there may be more. */
static bool submit(struct hawser_queue *q, const char **why)
{
	u64 enough = q->copied + BATCH_BYTES;
	int chains = BATCH_CHAINS;
	bool more = false;
	u16 head;

	q->unsent = false;
	for (;;) {
		if (!next_head(q, &head)) {
			q->blocked = false;
			if (ask_for_kicks(q))
				continue;
			break;
		}
		if (!chains-- || q->copied >= enough) {
			q->unsent = true;
			more = true;
			break;
		}
		if (send_one(q, head, why)) {
			take_head(q);
			continue;
		}
		if (!q->live)
			break;
		q->blocked = true;
		if (hawser_path_arm(q) && !*why) {
			more = true;	/* room came meanwhile, perhaps */
		} else if (q->care == HAWSER_POST &&
			   !timer_pending(&q->patience)) {
			mod_timer(&q->patience, jiffies + PATIENCE);
		}
		break;
	}
	if (q->live && hawser_path_publish(q)) {
		q->doorbells++;
		q->bus->link->ops->ring(q->bus->link, q->device, q->index);
	}
	return more && !*why;
}

/* One batch of both. True: there may be more. */
static bool batch(struct hawser_queue *q, bool *call, const char **why)
{
	bool more = false;
	int done = 0;

	if (q->live) {
		done = collect(q, BATCH_CHAINS, why);
		if (done >= BATCH_CHAINS)
			more = true;
	}
	if (!*why && (q->again_count || q->blocked || q->unsent || done > 0 ||
		      q->dead))
		more |= submit(q, why);
	if (q->live && !more && !*why &&
	    (q->care == HAWSER_AGAIN || q->care == HAWSER_CAUTIOUS))
		more = hawser_path_arm(q);
	*call |= show_finished(q);
	return more;
}

/*
 * The lock is held. True: the driver is called by us, one at a time; otherwise
 * whoever calls it just now has the tasklet call it once more.
 */
static bool begin_call(struct hawser_queue *q)
{
	if (q->calling) {
		q->call = true;
		return false;
	}
	q->calling = true;
	q->interrupts++;
	return true;
}

/* Calling the driver may make it kick, so never under the lock. */
static void call_driver(struct hawser_queue *q)
{
	unsigned long flags;
	bool again;

	vring_interrupt(0, q->vq);
	spin_lock_irqsave(&q->lock, flags);
	q->calling = false;
	again = q->call;
	spin_unlock_irqrestore(&q->lock, flags);
	if (again)
		tasklet_schedule(&q->bh);
}

static void give_up(struct hawser_queue *q, const char *why)
{
	if (why)
		hawser_vdev_break(q->owner, why);
}

static bool hawser_notify(struct virtqueue *vq)
{
	struct hawser_queue *q = vq->priv;
	const char *why = NULL;
	unsigned long flags;
	int batches = BATCHES;
	bool more, again, call = false;

	do {
		spin_lock_irqsave(&q->lock, flags);
		more = submit(q, &why);
		again = more && q->unsent;
		if (show_finished(q)) {
			q->call = true;
			call = true;
		}
		spin_unlock_irqrestore(&q->lock, flags);
	} while (again && --batches);

	/*
	 * A driver may hold the lock here that its callback takes, so it is
	 * called from the tasklet.
	 */
	if (call || more)
		tasklet_schedule(&q->bh);
	give_up(q, why);
	return true;
}

void hawser_queue_rung(struct hawser_queue *q)
{
	const char *why = NULL;
	unsigned long flags;
	bool more, call = false;

	spin_lock_irqsave(&q->lock, flags);
	more = batch(q, &call, &why);
	call = call && begin_call(q);
	spin_unlock_irqrestore(&q->lock, flags);
	if (call)
		call_driver(q);
	if (more)
		tasklet_schedule(&q->bh);
	give_up(q, why);
}
EXPORT_SYMBOL_GPL(hawser_queue_rung);

static void bottom_half(struct tasklet_struct *bh)
{
	struct hawser_queue *q = container_of(bh, struct hawser_queue, bh);
	const char *why = NULL;
	unsigned long flags;
	int batches = BATCHES;
	bool more, call;

	do {
		spin_lock_irqsave(&q->lock, flags);
		call = q->call;
		q->call = false;
		more = batch(q, &call, &why);
		call = call && begin_call(q);
		spin_unlock_irqrestore(&q->lock, flags);
		if (call)
			call_driver(q);
	} while (more && --batches);
	if (more)
		tasklet_schedule(bh);
	give_up(q, why);
}

static void out_of_patience(struct timer_list *timer)
{
	struct hawser_queue *q = container_of(timer, struct hawser_queue,
					      patience);
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (q->live && q->blocked)
		q->impatient = true;
	spin_unlock_irqrestore(&q->lock, flags);
	tasklet_schedule(&q->bh);
}

/* --- life ---------------------------------------------------------------- */

static enum hawser_care care_for(const struct hawser_vdev *v, u16 index)
{
	switch (v->device_id) {
	case VIRTIO_ID_BLOCK:
	case VIRTIO_ID_RNG:
		return HAWSER_AGAIN;
	case VIRTIO_ID_NET:
		return index % 2 ? HAWSER_POST : HAWSER_AGAIN;
	case VIRTIO_ID_CONSOLE:
		return index % 2 ? HAWSER_POST_NOW : HAWSER_AGAIN;
	default:
		return HAWSER_CAUTIOUS;
	}
}

struct hawser_queue *hawser_queue_new(struct hawser_vdev *v, u16 index,
				      u16 num, bool context,
				      void (*callback)(struct virtqueue *),
				      const char *name)
{
	struct hawser_queue *q;
	int ret = -ENOMEM;

	q = kzalloc(sizeof(*q), GFP_KERNEL);
	if (!q)
		return ERR_PTR(-ENOMEM);
	q->owner = v;
	q->bus = v->bus;
	q->ops = v->bus->link->path ?: &hawser_shared_path;
	q->index = index;
	q->device = v->number;
	q->care = care_for(v, index);
	q->long_lived = v->device_id != VIRTIO_ID_BLOCK &&
			q->care == HAWSER_AGAIN;
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->mark_node);
	INIT_LIST_HEAD(&q->path.in_flight);
	tasklet_setup(&q->bh, bottom_half);
	timer_setup(&q->patience, out_of_patience, 0);
	/* Twice: those that were at the peer, and as many not sent again. */
	q->again = kcalloc(num, sizeof(*q->again), GFP_KERNEL);
	if (!q->again)
		goto no_room;
	q->vq = vring_create_virtqueue(index, num, SMP_CACHE_BYTES, &v->vdev,
				       true, true, context, hawser_notify,
				       callback, name);
	if (!q->vq)
		goto no_room;
	q->vq->priv = q;
	q->vq->num_max = num;
	q->ring = *virtqueue_get_vring(q->vq);
	q->mask = q->ring.num - 1;
	q->event_idx = virtio_has_feature(&v->vdev, VIRTIO_RING_F_EVENT_IDX);
	q->mergeable = v->device_id == VIRTIO_ID_NET && index % 2 == 0 &&
		       virtio_has_feature(&v->vdev, VIRTIO_NET_F_MRG_RXBUF);
	return q;

no_room:
	kfree(q->again);
	kfree(q);
	return ERR_PTR(ret);
}

/* The caller has made sure that nobody rings it any more. */
void hawser_queue_free(struct hawser_queue *q)
{
	timer_delete_sync(&q->patience);
	tasklet_kill(&q->bh);
	hawser_path_close(q);
	vring_del_virtqueue(q->vq);
	kfree(q->again);
	kfree(q);
}

void hawser_queue_start(struct hawser_queue *q)
{
	spin_lock_irq(&q->lock);
	q->live = true;
	q->blocked = true;	/* so that the bottom half looks */
	q->impatient = false;
	q->spin_again = jiffies;
	spin_unlock_irq(&q->lock);
	tasklet_schedule(&q->bh);
}

/*
 * What is at the peer comes first among what is done again: it was sent before
 * all that was not. @again has room for every chain of the ring.
 */
static void recall(struct hawser_queue *q, const char **why)
{
	u16 count = 0, left = q->again_count;
	struct hawser_chain chain;
	struct hawser_slot *slot;

	hawser_path_stop(q);
	end_frame(q);
	list_for_each_entry(slot, &q->path.in_flight, node)
		count += slot->head != HAWSER_NO_CHAIN;
	if (count + left > q->ring.num)
		left = q->ring.num - count;	/* never: heads are unique */
	memmove(q->again + count, q->again + q->again_first,
		left * sizeof(*q->again));
	q->again_first = 0;
	q->again_count = count + left;
	count = 0;
	list_for_each_entry(slot, &q->path.in_flight, node) {
		if (slot->head == HAWSER_NO_CHAIN)
			continue;
		measure(q, slot->head, &chain);
		if (q->care == HAWSER_CAUTIOUS && chain.readable)
			*why = "the peer is gone, and with it requests that may not be done twice";
		q->again[count++] = slot->head;
		slot->head = HAWSER_NO_CHAIN;
	}
}

void hawser_queue_stop(struct hawser_queue *q)
{
	const char *why = NULL;

	spin_lock_irq(&q->lock);
	if (q->live) {
		q->live = false;
		recall(q, &why);
	}
	spin_unlock_irq(&q->lock);
	tasklet_schedule(&q->bh);
	give_up(q, why);
}

void hawser_queue_kill(struct hawser_queue *q)
{
	const char *why = NULL;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (!q->dead) {
		q->dead = true;
		if (q->live)
			recall(q, &why);
		q->live = false;
	}
	spin_unlock_irqrestore(&q->lock, flags);
	tasklet_schedule(&q->bh);
}

void hawser_queue_forget(struct hawser_queue *q)
{
	struct hawser_slot *slot;

	spin_lock_irq(&q->lock);
	hawser_path_stop(q);
	q->live = false;
	q->dead = false;
	q->blocked = false;
	q->again_count = 0;
	list_for_each_entry(slot, &q->path.in_flight, node)
		slot->head = HAWSER_NO_CHAIN;
	/* Nothing that the driver left in its ring is looked at again. */
	q->avail_idx = le16(READ_ONCE(q->ring.avail->idx));
	end_frame(q);
	q->call_from = q->used_idx;
	q->call = false;
	spin_unlock_irq(&q->lock);
}

bool hawser_queue_served(struct hawser_queue *q)
{
	unsigned long flags;
	bool served;

	spin_lock_irqsave(&q->lock, flags);
	served = q->used_idx == le16(READ_ONCE(q->ring.avail->idx));
	spin_unlock_irqrestore(&q->lock, flags);
	return served;
}
