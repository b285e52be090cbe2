// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * The driver end of a link over a shared window. Everybody who has the window
 * can write everywhere in it at any time, so every value is read once into a
 * local, checked, and used from there; what this end knows of its own state it
 * keeps in private memory. The C++ twin is ivshmem/include/hawser/ivshmem.
 */
#include <asm/barrier.h>
#include <asm/byteorder.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>

#include <hawser/ivshmem/wire.h>

#include "region.h"

/* A claim that stands still that long is of somebody dead. */
#define TAKEOVER_NS	(500 * NSEC_PER_MSEC)
/*
 * And is watched meanwhile: between two looks no more than this counts, for
 * while this kernel did not run, the owner may not have run either.
 */
#define LONGEST_LOOK_NS	(100 * NSEC_PER_MSEC)
/* One whose heartbeat moved that often meanwhile is alive. */
#define SIGNS_OF_LIFE	5
/* A peer whose heartbeat stands still that long is gone. */
#define SILENCE_NS	(3 * NSEC_PER_SEC)
/* A link that could not be found is looked for that often. */
#define RETRY_NS	NSEC_PER_SEC

#define MINIMUM_AREA	(HAWSER_DATA_OFFSET + HAWSER_MINIMUM_DATA_BYTES)
#define NOBODY		U32_MAX

/*
 * The other end may be on another processor of the host even if this kernel
 * is built for one, so these are the virt_ barriers, not the smp_ ones.
 */
static u16 observe16(__le16 *from)
{
	return le16_to_cpu(virt_load_acquire(from)); /* the peer's release */
}

static u32 observe32(__le32 *from)
{
	return le32_to_cpu(virt_load_acquire(from)); /* the peer's release */
}

static u64 observe64(__le64 *from)
{
	return le64_to_cpu(virt_load_acquire(from)); /* the peer's release */
}

static void publish16(__le16 *to, u16 value)
{
	virt_store_release(to, cpu_to_le16(value)); /* the peer's acquire */
}

static void publish32(__le32 *to, u32 value)
{
	virt_store_release(to, cpu_to_le32(value)); /* the peer's acquire */
}

static void publish64(__le64 *to, u64 value)
{
	virt_store_release(to, cpu_to_le64(value)); /* the peer's acquire */
}

static u16 load16(__le16 *from)
{
	return le16_to_cpu(READ_ONCE(*from));
}

static u32 load32(__le32 *from)
{
	return le32_to_cpu(READ_ONCE(*from));
}

static u64 load64(__le64 *from)
{
	return le64_to_cpu(READ_ONCE(*from));
}

static void store16(__le16 *to, u16 value)
{
	WRITE_ONCE(*to, cpu_to_le16(value));
}

static void store32(__le32 *to, u32 value)
{
	WRITE_ONCE(*to, cpu_to_le32(value));
}

static void store64(__le64 *to, u64 value)
{
	WRITE_ONCE(*to, cpu_to_le64(value));
}

/* Directory */

static void write_directory(struct hawser_region *region)
{
	struct hawser_directory *directory = region->window.memory;

	store32(&directory->version, HAWSER_DIRECTORY_VERSION);
	store32(&directory->directory_bytes, HAWSER_DIRECTORY_BYTES);
	store64(&directory->window_bytes, region->window.bytes);
	store32(&directory->area_count, region->links);
	store64(&directory->area_offset, region->first_area);
	store64(&directory->area_bytes, region->area_bytes);
	/* Pairs with the acquire in find_area(), by whoever comes next. */
	publish64(&directory->magic, HAWSER_DIRECTORY_MAGIC);
}

/* Returns why not, or NULL. */
static const char *find_area(struct hawser_region *region)
{
	struct hawser_directory *directory = region->window.memory;
	const u64 window = region->window.bytes;
	u64 magic, first, each;
	u32 count;

	if (window < HAWSER_DIRECTORY_BYTES)
		return "the window is smaller than a directory";

	magic = observe64(&directory->magic);
	if (magic == 0) {
		region->links = 0;
		each = 0;
		if (region->links_if_new)
			each = div64_u64(window - HAWSER_DIRECTORY_BYTES,
					 region->links_if_new) & ~4095ULL;
		if (each < MINIMUM_AREA)
			return "the window is too small: a link takes at least 80 KiB";
		region->links = region->links_if_new;
		region->first_area = HAWSER_DIRECTORY_BYTES;
		region->area_bytes = each;
		write_directory(region);
	} else if (magic != HAWSER_DIRECTORY_MAGIC) {
		return "the window holds something that is not a directory";
	}
	if (load32(&directory->version) != HAWSER_DIRECTORY_VERSION)
		return "the window's directory has a version other than 1";
	if (load64(&directory->window_bytes) != window)
		return "the window's directory describes a window of another size";

	count = load32(&directory->area_count);
	first = load64(&directory->area_offset);
	each = load64(&directory->area_bytes);
	if (count == 0 || first < HAWSER_DIRECTORY_BYTES || first > window ||
	    first % 4096 || each < MINIMUM_AREA || each % 4096 ||
	    div64_u64(window - first, each) < count)
		return "the window's directory describes areas that do not fit it";
	if (region->link >= count)
		return "the window was divided into fewer links than the number of this one";

	region->links = count;
	region->first_area = first;
	region->area_bytes = each;
	region->area_offset = first + region->link * each;
	return NULL;
}

/* End blocks */

static bool claimed_by(struct hawser_end_block *block, u16 role)
{
	return observe32(&block->magic) == HAWSER_END_MAGIC &&
	       load16(&block->version) == HAWSER_END_VERSION &&
	       load16(&block->role) == role;
}

static u64 agreement(u32 epoch, u32 seen)
{
	return (u64)epoch << 32 | seen;
}

static void publish_own(struct hawser_region *region)
{
	/* Pairs with the peer's acquire of the agreement. */
	publish64(&region->own->agreement,
		  agreement(region->own_epoch, region->seen));
}

/*
 * "Not here", with the last epoch where the peer's would be: whoever has this
 * end next goes on from there, so that no pair of epochs comes twice.
 */
static void publish_gone(struct hawser_region *region, u32 last)
{
	publish64(&region->own->agreement, agreement(0, last));
}

static bool still_ours(struct hawser_region *region)
{
	return observe64(&region->own->agreement) ==
		       agreement(region->own_epoch, region->seen) &&
	       load32(&region->own->peer_id) == region->window.own_id;
}

/*
 * Whether the peer is who it was when we made room for it, and says what it
 * said then: two that claim one end at the same moment may choose the same
 * epoch.
 */
static bool as_met(struct hawser_region *region, u64 peer)
{
	return peer == agreement(region->seen, region->own_epoch) &&
	       load32(&region->peer->peer_id) == region->met_id;
}

static void publish_epoch(struct hawser_region *region, u32 last)
{
	region->own_epoch = last + 1;
	if (region->own_epoch == 0)
		region->own_epoch = 1;
	publish_own(region);
}

/* Says who is here. The agreement, published later, makes it valid. */
static void introduce(struct hawser_region *region)
{
	struct hawser_end_block *own = region->own;

	store16(&own->version, HAWSER_END_VERSION);
	store16(&own->role, HAWSER_ROLE_DRIVER);
	store32(&own->peer_id, region->window.own_id);
	store16(&own->vectors, region->window.vectors);
	store16(&own->queue_kind, HAWSER_QUEUE_SELF_DESCRIBING);
	memcpy(own->name, region->name, sizeof(own->name));
	publish32(&own->magic, HAWSER_END_MAGIC);
}

/* Message queue */

static u32 observe_index(const struct hawser_lane *lane, void *word)
{
	return lane->wide ? observe32(word) : observe16(word);
}

static void publish_index(const struct hawser_lane *lane, void *word, u32 value)
{
	if (lane->wide)
		publish32(word, value);
	else
		publish16(word, value);
}

static u32 after(const struct hawser_lane *lane, u32 index)
{
	return index + 1 == lane->capacity ? 0 : index + 1;
}

/* Two sections, seen as bytes with a door. NULL: outside, or misaligned. */
static void *place(struct hawser_region *region, u64 offset, u64 bytes,
		   u64 align)
{
	if (offset > HAWSER_DATA_OFFSET || bytes > HAWSER_DATA_OFFSET - offset ||
	    offset & (align - 1))
		return NULL;
	return region->control + offset;
}

struct found_queues {
	struct hawser_lane send;
	struct hawser_lane receive;
	struct hawser_words own_words;
	struct hawser_words peer_words;
	__le16 *own_status;
	__le16 *own_magic;
};

static void plain_lane(struct hawser_region *region, struct hawser_lane *lane,
		       u64 section)
{
	u8 *page = region->control + section + HAWSER_ELEMENTS_OFFSET;

	lane->produced = page;
	lane->consumed = page + HAWSER_PLAIN_CONSUMED;
	lane->slots = page + HAWSER_PLAIN_SLOTS;
	lane->capacity = HAWSER_PLAIN_CAPACITY;
	lane->slot_bytes = HAWSER_ELEMENT_BYTES;
	lane->wide = true;
}

static void plain_words(struct hawser_region *region,
			struct hawser_words *words, u64 section)
{
	struct hawser_notification_words *at =
		(void *)(region->control + section + HAWSER_NOTIFICATION_OFFSET);

	words->tx = &at->tx;
	words->rx = &at->rx;
	words->mask = &at->mask;
}

static void plain_queues(struct hawser_region *region, struct found_queues *q)
{
	plain_lane(region, &q->send, HAWSER_SECTION_BYTES);
	plain_lane(region, &q->receive, 0);
	plain_words(region, &q->own_words, HAWSER_SECTION_BYTES);
	plain_words(region, &q->peer_words, 0);
}

static bool described_words(struct hawser_region *region,
			    struct hawser_words *words, u64 at, u64 count,
			    bool masked)
{
	__le64 *first = place(region, at, 8 * count * (masked ? 3 : 2), 8);

	if (!first)
		return false;
	words->tx = first;
	words->rx = first + count;
	words->mask = masked ? first + 2 * count : NULL;
	return true;
}

static const char *described_queues(struct hawser_region *region,
				    struct found_queues *q)
{
	struct hawser_layout_header *shared = (void *)region->control;
	struct hawser_layout_header header;
	struct hawser_queue_head *own, *peer;
	u16 magic, elements, bytes;
	bool masked;

	/* Pairs with the device end's release of the magic, written last. */
	magic = observe16(&shared->magic);
	memcpy(&header, shared, sizeof(header));
	barrier(); /* from here on the copy is read, never the window again */

	if (magic != HAWSER_LAYOUT_MAGIC ||
	    le16_to_cpu(header.version) != HAWSER_LAYOUT_VERSION)
		return "the device end has not written a message queue header of version 1";
	elements = le16_to_cpu(header.queue_elements);
	bytes = le16_to_cpu(header.element_bytes);
	if (elements < HAWSER_FEWEST_ELEMENTS ||
	    elements > HAWSER_MOST_ELEMENTS ||
	    bytes < HAWSER_SHORTEST_ELEMENT || bytes > HAWSER_LONGEST_ELEMENT ||
	    bytes % 4 || header.notification_words == 0 ||
	    header.notification_words > 64)
		return "the message queue header has impossible numbers";
	masked = le16_to_cpu(header.features) & HAWSER_LAYOUT_MASKED;

	own = place(region, le64_to_cpu(header.driver_queue_head_offset),
		    sizeof(*own), 8);
	peer = place(region, le64_to_cpu(header.device_queue_head_offset),
		     sizeof(*peer), 8);
	q->send.slots = place(region,
			      le64_to_cpu(header.driver_elements_offset),
			      (u64)elements * bytes, 8);
	q->receive.slots = place(region,
				 le64_to_cpu(header.device_elements_offset),
				 (u64)elements * bytes, 8);
	if (!own || !peer || !q->send.slots || !q->receive.slots ||
	    !described_words(region, &q->own_words,
			     le64_to_cpu(header.driver_notification_offset),
			     header.notification_words, masked) ||
	    !described_words(region, &q->peer_words,
			     le64_to_cpu(header.device_notification_offset),
			     header.notification_words, masked))
		return "the message queue header places a structure outside the two sections";

	q->send.produced = &own->tail;
	q->send.consumed = &peer->head;
	q->receive.produced = &peer->tail;
	q->receive.consumed = &own->head;
	q->send.capacity = elements;
	q->receive.capacity = elements;
	q->send.slot_bytes = bytes;
	q->receive.slot_bytes = bytes;
	q->own_status = &own->status;
	q->own_magic = &own->magic;
	return NULL;
}

static const char *find_queues(struct hawser_region *region,
			       struct found_queues *q)
{
	memset(q, 0, sizeof(*q));
	switch (load16(&region->peer->queue_kind)) {
	case HAWSER_QUEUE_PLAIN:
		plain_queues(region, q);
		return NULL;
	case HAWSER_QUEUE_SELF_DESCRIBING:
		return described_queues(region, q);
	}
	return "the device end names a message queue layout other than 1 and 2";
}

/* For peers that look at it. */
static void set_status(struct hawser_region *region, u16 status)
{
	if (region->own_status)
		store16(region->own_status, status);
}

/* Ringing */

/* Learns whom to ring from the peer's block. */
static void meet(struct hawser_region *region)
{
	u32 id = load32(&region->peer->peer_id);
	u16 vectors = load16(&region->peer->vectors);

	if (!claimed_by(region->peer, HAWSER_ROLE_DEVICE) || id > U16_MAX)
		id = NOBODY;
	WRITE_ONCE(region->peer_vectors, vectors ? vectors : 1);
	WRITE_ONCE(region->peer_id, id);
}

static void doorbell(struct hawser_region *region, u16 vector)
{
	u32 id = READ_ONCE(region->peer_id);

	if (id != NOBODY)
		region->window.doorbell(region, id, vector);
}

static void call_peer(struct hawser_region *region)
{
	meet(region);
	doorbell(region, 0);
}

/* Opening and closing */

static void close_lanes(struct hawser_region *region)
{
	unsigned long flags;

	spin_lock_irqsave(&region->message_lock, flags);
	region->up_count = 0;
	region->admitted = false;
	region->own_status = NULL;
	memset(&region->send, 0, sizeof(region->send));
	memset(&region->receive, 0, sizeof(region->receive));
	spin_unlock_irqrestore(&region->message_lock, flags);

	spin_lock_irqsave(&region->mark_lock, flags);
	region->marks_open = false;
	spin_unlock_irqrestore(&region->mark_lock, flags);
}

static void close_region(struct hawser_region *region)
{
	close_lanes(region);
	region->seen = 0;
	if (region->claimed)
		publish_own(region);
}

/* Resets the own structures for that epoch of the peer, and says so. */
static const char *open_for(struct hawser_region *region, u32 peer_epoch)
{
	struct found_queues q;
	const char *unfit = find_queues(region, &q);
	unsigned long flags;

	if (unfit)
		return unfit;

	spin_lock_irqsave(&region->message_lock, flags);
	region->send = q.send;
	region->receive = q.receive;
	region->failed = NULL;
	publish_index(&q.send, q.send.produced, 0);
	publish_index(&q.receive, q.receive.consumed, 0);
	region->own_status = q.own_status;
	if (q.own_status) {
		store16(q.own_status, HAWSER_QUEUE_READY);
		publish16(q.own_magic, HAWSER_QUEUE_HEAD_MAGIC);
	}
	spin_unlock_irqrestore(&region->message_lock, flags);

	spin_lock_irqsave(&region->mark_lock, flags);
	region->own_words = q.own_words;
	region->peer_words = q.peer_words;
	region->tx = 0;
	region->rx = 0;
	store64(q.own_words.tx, 0);
	store64(q.own_words.rx, 0);
	if (q.own_words.mask)
		store64(q.own_words.mask, 0); /* doorbells welcome, always */
	region->marks_open = true;
	spin_unlock_irqrestore(&region->mark_lock, flags);

	region->met_id = load32(&region->peer->peer_id);
	region->seen = peer_epoch;
	publish_own(region);
	return NULL;
}

/*
 * Begins a new epoch of our own: above all before it, and above the one that
 * the peer has made room for, or it could take us for who was here before.
 */
static void claim(struct hawser_region *region)
{
	u32 before, known;
	u64 there;

	close_region(region);
	there = observe64(&region->own->agreement);
	before = there >> 32 ? there >> 32 : there;
	known = observe64(&region->peer->agreement);
	before = max3(before, known, region->own_epoch);
	publish_gone(region, before);
	introduce(region);
	publish_epoch(region, before);
	virt_mb(); /* the claim, then look; the peer reads it, then answers */
	/*
	 * An answer that stands already may be for somebody who claimed this
	 * end at the same moment, and chose the same epoch.
	 */
	known = observe64(&region->peer->agreement);
	if (known == region->own_epoch)
		publish_epoch(region, known);
	store32(&region->own->heartbeat, ++region->beats);
	region->claimed = true;
	region->state = HAWSER_REGION_DOWN;
	region->unfit = false;
	call_peer(region);
}

static void watch_rival(struct hawser_region *region, u64 now)
{
	close_lanes(region);
	region->claimed = false;
	region->seen = 0;
	region->state = HAWSER_REGION_RIVAL;
	region->rival.epoch = observe64(&region->own->agreement) >> 32;
	region->rival.peer_id = load32(&region->own->peer_id);
	region->rival.heartbeat = load32(&region->own->heartbeat);
	region->rival.beats = 0;
	region->rival.since = now;
	region->rival.looked_at = now;
	region->rival.still = 0;
}

static enum hawser_region_event broke(struct hawser_region *region, u64 now,
				      const char *reason, bool by_peer)
{
	bool known = reason == region->reason && !by_peer;

	if (region->links) {
		if (region->claimed && still_ours(region))
			publish_gone(region, region->own_epoch);
		region->claimed = false;
		if (region->state == HAWSER_REGION_UP) {
			region->breaker_epoch = region->seen;
			region->breaker_id = region->met_id;
		} else {
			region->breaker_epoch =
				observe64(&region->peer->agreement) >> 32;
			region->breaker_id = load32(&region->peer->peer_id);
		}
		close_region(region);
		doorbell(region, 0);
	}
	region->by_peer = by_peer;
	region->broken_at = now;
	region->reason = reason;
	region->state = HAWSER_REGION_BROKEN;
	return known ? HAWSER_REGION_NOTHING : HAWSER_REGION_BROKE;
}

/* Life */

void hawser_region_init(struct hawser_region *region,
			const struct hawser_window *window, u32 link,
			u32 links_if_new, const char *name)
{
	memset(region, 0, sizeof(*region));
	region->window = *window;
	region->link = link;
	region->links_if_new = links_if_new;
	strscpy_pad(region->name, name, sizeof(region->name));
	region->peer_id = NOBODY;
	region->peer_vectors = 1;
	spin_lock_init(&region->message_lock);
	spin_lock_init(&region->mark_lock);
}

enum hawser_region_event hawser_region_start(struct hawser_region *region,
					     u64 now)
{
	/* Found once; later nobody can move it. */
	const char *reason = region->links ? NULL : find_area(region);
	u64 held;

	if (reason) {
		region->links = 0;
		return broke(region, now, reason, false);
	}
	region->reason = NULL;
	region->control = (u8 *)region->window.memory + region->area_offset;
	region->own = (void *)(region->control + HAWSER_SECTION_BYTES +
			       HAWSER_END_BLOCK_OFFSET);
	region->peer = (void *)(region->control + HAWSER_END_BLOCK_OFFSET);

	held = observe64(&region->own->agreement);
	region->rival.told = false;
	if (claimed_by(region->own, HAWSER_ROLE_DRIVER) && held >> 32 &&
	    load32(&region->own->peer_id) != region->window.own_id)
		watch_rival(region, now);
	else
		claim(region);
	return HAWSER_REGION_NOTHING;
}

void hawser_region_leave(struct hawser_region *region)
{
	if (region->claimed && still_ours(region)) {
		publish_gone(region, region->own_epoch);
		set_status(region, HAWSER_QUEUE_SHUTDOWN);
		doorbell(region, 0);
	}
	region->claimed = false;
	close_lanes(region);
	region->seen = 0;
	region->reason = NULL;
	region->state = HAWSER_REGION_OFF;
}

/*
 * Scribbling is not a rival: a rival keeps its claim as it is and goes on
 * beating.
 */
static enum hawser_region_event wait_for_our_place(struct hawser_region *region,
						   u64 now)
{
	u32 epoch = observe64(&region->own->agreement) >> 32;
	u32 peer_id = load32(&region->own->peer_id);
	u32 heartbeat = load32(&region->own->heartbeat);

	if (region->own_epoch)
		write_directory(region); /* newcomers can't wait */
	if (epoch == 0) {
		claim(region);
	} else if (epoch != region->rival.epoch ||
		   peer_id != region->rival.peer_id) {
		watch_rival(region, now);
	} else if (heartbeat != region->rival.heartbeat) {
		region->rival.heartbeat = heartbeat;
		region->rival.looked_at = now;
		region->rival.still = 0;
		if (++region->rival.beats >= SIGNS_OF_LIFE &&
		    now - region->rival.since >= TAKEOVER_NS &&
		    !region->rival.told) {
			region->rival.told = true;
			return HAWSER_REGION_HAS_RIVAL;
		}
	} else {
		region->rival.still +=
			min_t(u64, now - region->rival.looked_at,
			      LONGEST_LOOK_NS);
		region->rival.looked_at = now;
		if (region->rival.still >= TAKEOVER_NS)
			claim(region);
	}
	return HAWSER_REGION_NOTHING;
}

static enum hawser_region_event meet_peer(struct hawser_region *region, u64 now)
{
	const char *unfit;
	unsigned long flags;
	u64 peer;
	u32 epoch;

	if (!claimed_by(region->peer, HAWSER_ROLE_DEVICE))
		return HAWSER_REGION_NOTHING;
	peer = observe64(&region->peer->agreement);
	epoch = peer >> 32;
	if (epoch == 0)
		return HAWSER_REGION_NOTHING;

	/* The block of a dead peer is answered too, and it stays at that. */
	if (region->seen != epoch) {
		unfit = open_for(region, epoch);
		if (unfit) {
			/* Perhaps it is about to write another. */
			if (!region->unfit)
				region->unfit_since = now;
			region->unfit = true;
			if (now - region->unfit_since < SILENCE_NS)
				return HAWSER_REGION_NOTHING;
			return broke(region, now, unfit, true);
		}
		region->unfit = false;
		call_peer(region);
	}
	if (peer != agreement(region->seen, region->own_epoch))
		return HAWSER_REGION_NOTHING;
	if (!as_met(region, peer)) {
		claim(region);
		return HAWSER_REGION_NOTHING;
	}

	region->peer_beat = load32(&region->peer->heartbeat);
	region->peer_alive_at = now;
	region->state = HAWSER_REGION_UP;
	spin_lock_irqsave(&region->message_lock, flags);
	if (++region->last_up_count == 0)
		region->last_up_count = 1;
	region->up_count = region->last_up_count;
	set_status(region, HAWSER_QUEUE_RUN);
	spin_unlock_irqrestore(&region->message_lock, flags);
	call_peer(region);
	return HAWSER_REGION_WENT_UP;
}

static bool breaker_is_still_there(struct hawser_region *region)
{
	return observe64(&region->peer->agreement) >> 32 ==
		       region->breaker_epoch &&
	       load32(&region->peer->peer_id) == region->breaker_id;
}

static enum hawser_region_event watch_peer(struct hawser_region *region,
					   u64 now)
{
	u64 peer = observe64(&region->peer->agreement);
	u32 beat = load32(&region->peer->heartbeat);

	if (!as_met(region, peer)) {
		/*
		 * It left, began a new epoch, forgot ours, or is another party
		 * that has the same epoch. In the last two cases we begin a
		 * new one: no two times of being up have the same pair of
		 * epochs.
		 */
		bool new_epoch = peer >> 32 != region->seen;

		close_region(region);
		region->state = HAWSER_REGION_DOWN;
		if (!new_epoch)
			claim(region);
		return HAWSER_REGION_WENT_DOWN;
	}
	if (beat != region->peer_beat) {
		region->peer_beat = beat;
		region->peer_alive_at = now;
	} else if (now - region->peer_alive_at >= SILENCE_NS) {
		/* A peer that was only slow is to see the gap too. */
		claim(region);
		return HAWSER_REGION_WENT_DOWN;
	}
	return HAWSER_REGION_NOTHING;
}

enum hawser_region_event hawser_region_poll(struct hawser_region *region,
					    u64 now)
{
	const char *failed;

	switch (region->state) {
	case HAWSER_REGION_OFF:
		return HAWSER_REGION_NOTHING;
	case HAWSER_REGION_RIVAL:
		return wait_for_our_place(region, now);
	case HAWSER_REGION_BROKEN:
		if (now - region->broken_at < RETRY_NS)
			return HAWSER_REGION_NOTHING;
		if (region->by_peer && breaker_is_still_there(region))
			return HAWSER_REGION_NOTHING;
		return hawser_region_start(region, now);
	case HAWSER_REGION_DOWN:
	case HAWSER_REGION_UP:
		break;
	}

	if (!still_ours(region)) {
		region->claimed = false; /* not ours to write any more */
		region->rival.told = false;
		watch_rival(region, now);
		return HAWSER_REGION_TAKEN;
	}
	/* Somebody may have scribbled over what the next peer needs. */
	write_directory(region);
	if (region->state == HAWSER_REGION_DOWN)
		introduce(region);
	store32(&region->own->heartbeat, ++region->beats);

	failed = READ_ONCE(region->failed);
	if (failed) {
		WRITE_ONCE(region->failed, NULL);
		return broke(region, now, failed, true);
	}
	return region->state == HAWSER_REGION_UP ? watch_peer(region, now) :
						   meet_peer(region, now);
}

void *hawser_region_data(const struct hawser_region *region, size_t *bytes)
{
	if (!region->links) {
		*bytes = 0;
		return NULL;
	}
	*bytes = region->area_bytes - HAWSER_DATA_OFFSET;
	return region->control + HAWSER_DATA_OFFSET;
}

/* Messages */

u32 hawser_region_up_count(struct hawser_region *region)
{
	return READ_ONCE(region->up_count);
}

bool hawser_region_admit(struct hawser_region *region, u32 up_count,
			 size_t *mtu)
{
	unsigned long flags;
	bool admitted;

	spin_lock_irqsave(&region->message_lock, flags);
	admitted = up_count && region->up_count == up_count;
	if (admitted) {
		region->admitted = true;
		*mtu = region->send.slot_bytes;
	}
	spin_unlock_irqrestore(&region->message_lock, flags);
	return admitted;
}

static bool messages_open(const struct hawser_region *region)
{
	return region->admitted && !region->failed;
}

static int lane_send(struct hawser_region *region, const void *message,
		     size_t bytes)
{
	struct hawser_lane *lane = &region->send;
	u32 consumed, next;
	u8 *slot;

	if (!messages_open(region))
		return -ENOTCONN;
	if (bytes > lane->slot_bytes)
		return -EMSGSIZE;
	next = after(lane, lane->next);
	/* Pairs with the release by which the peer gave the slot back. */
	consumed = observe_index(lane, lane->consumed);
	if (consumed == next) {
		/*
		 * Either we see the room that the peer made, or it sees that
		 * the queue was full, and rings.
		 */
		virt_mb();
		consumed = observe_index(lane, lane->consumed);
	}
	if (consumed >= lane->capacity) {
		region->failed = "the peer's message queue index is out of range";
		return -ENOTCONN;
	}
	if (consumed == next)
		return -EAGAIN;

	slot = lane->slots + (size_t)lane->next * lane->slot_bytes;
	memcpy(slot, message, bytes);
	memset(slot + bytes, 0, lane->slot_bytes - bytes);
	lane->next = next;
	/* Pairs with the peer's acquire of the producer index. */
	publish_index(lane, lane->produced, next);
	return 0;
}

int hawser_region_send(struct hawser_region *region, const void *message,
		       size_t bytes)
{
	unsigned long flags;
	int sent;

	spin_lock_irqsave(&region->message_lock, flags);
	sent = lane_send(region, message, bytes);
	spin_unlock_irqrestore(&region->message_lock, flags);
	if (!sent)
		doorbell(region, 0);
	return sent;
}

static int lane_receive(struct hawser_region *region, void *to, size_t room,
			bool *made_room)
{
	struct hawser_lane *lane = &region->receive;
	u32 produced, freed;

	if (!messages_open(region))
		return -ENOTCONN;
	if (room < lane->slot_bytes)
		return -EMSGSIZE;
	/* Pairs with the peer's release of it, after it filled the slot. */
	produced = observe_index(lane, lane->produced);
	if (produced >= lane->capacity) {
		region->failed = "the peer's message queue index is out of range";
		return -ENOTCONN;
	}
	if (produced == lane->next)
		return -EAGAIN;
	memcpy(to, lane->slots + (size_t)lane->next * lane->slot_bytes,
	       lane->slot_bytes);
	freed = lane->next;
	lane->next = after(lane, freed);
	/* Pairs with the peer's acquire, before it uses the slot again. */
	publish_index(lane, lane->consumed, lane->next);
	virt_mb(); /* between making room and looking whether it was full */
	/*
	 * A peer that has begun anew since our last poll says so before it
	 * touches the queue. What was read may be of either life.
	 */
	if (hawser_region_stale(region))
		return -ENOTCONN;
	produced = observe_index(lane, lane->produced);
	*made_room = after(lane, produced) == freed;
	return lane->slot_bytes;
}

int hawser_region_receive(struct hawser_region *region, void *to, size_t room)
{
	unsigned long flags;
	bool made_room = false;
	int got;

	spin_lock_irqsave(&region->message_lock, flags);
	got = lane_receive(region, to, room, &made_room);
	spin_unlock_irqrestore(&region->message_lock, flags);
	if (made_room)
		doorbell(region, 0); /* whoever found it full waits for this */
	return got;
}

bool hawser_region_waiting(struct hawser_region *region)
{
	struct hawser_lane *lane = &region->receive;
	unsigned long flags;
	bool waiting;

	spin_lock_irqsave(&region->message_lock, flags);
	waiting = messages_open(region) &&
		  observe_index(lane, lane->produced) != lane->next;
	spin_unlock_irqrestore(&region->message_lock, flags);
	return waiting;
}

bool hawser_region_stale(struct hawser_region *region)
{
	return READ_ONCE(region->failed) ||
	       (region->state == HAWSER_REGION_UP &&
		!as_met(region, observe64(&region->peer->agreement)));
}

void hawser_region_fail(struct hawser_region *region, const char *why)
{
	unsigned long flags;

	spin_lock_irqsave(&region->message_lock, flags);
	if (region->up_count && !region->failed)
		WRITE_ONCE(region->failed, why);
	spin_unlock_irqrestore(&region->message_lock, flags);
}

/* Marks */

static unsigned int mark_of(u16 device, u16 queue)
{
	return (device * HAWSER_MARKS_PER_DEVICE +
		queue % HAWSER_MARKS_PER_DEVICE) % 64;
}

void hawser_region_ring(struct hawser_region *region, u16 device, u16 queue)
{
	unsigned int mark = mark_of(device, queue);
	u64 bit = BIT_ULL(mark);
	unsigned long flags;
	bool wake = false;
	u64 caught_up;
	u16 vectors;

	spin_lock_irqsave(&region->mark_lock, flags);
	if (!region->marks_open)
		goto out;
	/*
	 * What was published before (a ring's index) must be visible before we
	 * conclude that the peer will look anyway. Pairs with its fence
	 * between catching up and looking.
	 */
	virt_mb();
	caught_up = load64(region->peer_words.rx);
	if ((region->tx ^ caught_up) & bit)
		goto out; /* still pending: whoever set it has rung */
	region->tx ^= bit;
	publish64(region->own_words.tx, region->tx);
	/* Pairs with its fence between clearing the mask and the last look. */
	virt_mb();
	wake = !region->peer_words.mask ||
	       !(load64(region->peer_words.mask) & bit);
out:
	spin_unlock_irqrestore(&region->mark_lock, flags);
	if (!wake)
		return;
	/* Vector 0 is for messages; marks share the others. */
	vectors = READ_ONCE(region->peer_vectors);
	doorbell(region, vectors > 1 ? 1 + mark % (vectors - 1) : 0);
}

u64 hawser_region_take(struct hawser_region *region)
{
	unsigned long flags;
	u64 pending = 0;

	spin_lock_irqsave(&region->mark_lock, flags);
	if (region->marks_open) {
		pending = observe64(region->peer_words.tx) ^ region->rx;
		if (pending) {
			region->rx ^= pending;
			publish64(region->own_words.rx, region->rx);
			virt_mb(); /* pairs with the peer's first fence */
		}
	}
	spin_unlock_irqrestore(&region->mark_lock, flags);
	return pending;
}

void hawser_region_peer_name(const struct hawser_region *region,
			     char name[HAWSER_NAME_BYTES + 1])
{
	unsigned int i;

	memset(name, 0, HAWSER_NAME_BYTES + 1);
	if (!region->links)
		return;
	for (i = 0; i < HAWSER_NAME_BYTES; i++) {
		char c = READ_ONCE(region->peer->name[i]);

		if (!c)
			break;
		name[i] = c >= ' ' && c <= '~' ? c : '?';
	}
}
