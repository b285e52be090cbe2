/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * Inside hawser.ko: the bus over a link, and one device on it. bus.c knows
 * messages, vdev.c knows devices, relay.c knows queues.
 */
#ifndef HAWSER_BUS_H
#define HAWSER_BUS_H

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>
#include <linux/workqueue.h>

#include <hawser/virtio/msg/wire.h>

#include "link.h"

#define HAWSER_DEVICES 64	/* numbers below this are looked at */
#define HAWSER_QUEUES 64	/* of one device */
#define HAWSER_MARKS 64
#define HAWSER_CONFIG_MAX 4096

struct gen_pool;
struct hawser_queue;

/*
 * struct hawser_bus - the driver's side of virtio-msg on one link
 * @link: what carries it
 * @dev: parent of the virtio devices, child of @link->dev
 * @lock: protects @up, @abandoned, @epoch, @asked, @token, @added, @removed
 * @up: requests can be sent
 * @leaving: detach has begun: nothing is brought up any more
 * @abandoned: and the peer was given up: it is asked nothing any more
 * @suspended: no device comes or goes; under @plug_lock
 * @epoch: of the link; 0 while it is down
 * @asked: requests that wait for their answers
 * @added, @removed: what EVENT_DEVICE said, until @plug has seen to it
 * @plug_lock: devices come and go one at a time
 * @protocol: ordered; talks with the peer and never waits for a driver, so that
 *	a device comes back under a driver that waits for it
 * @sync: brings devices that are known in step with the peer
 * @plugging: ordered; registers and unregisters devices, waits for drivers
 * @plug: what is done there
 * @plugged: when it was last done because of @added or @removed, in jiffies
 * @probing: whose driver begins just now; under @vdevs_lock
 * @end_probe: when that takes too long
 * @vdevs: by number; changed under @plug_lock and @vdevs_lock
 * @vdevs_lock: outside of @plug, a device is used under it (rcu: see @by_mark)
 * @by_mark: the queues that a mark stands for; RCU, changed under @marks_lock
 * @arena: buffers and rings in the region; see shared_path.c
 * @posted: the part of it for buffers that wait at the peer for long
 * @graves: memory that a device may still use although it was reset
 * @starving: a queue found no memory; @feed wakes it when there is some
 * @abandon: nobody waits any longer for a peer that does not let go
 */
struct hawser_bus {
	struct hawser_link *link;
	struct device dev;
	int id;

	spinlock_t lock;	/* the link's state, and who waits */
	bool up;
	bool leaving;
	bool abandoned;
	u32 epoch;
	struct list_head asked;
	u16 token;
	DECLARE_BITMAP(added, HAWSER_DEVICES);
	DECLARE_BITMAP(removed, HAWSER_DEVICES);
	bool enumerate;

	struct mutex plug_lock;	/* devices come and go one at a time */
	bool suspended;
	struct workqueue_struct *protocol;
	struct delayed_work sync;
	struct workqueue_struct *plugging;
	struct delayed_work plug;
	unsigned long plugged;
	struct delayed_work end_probe;

	struct mutex vdevs_lock;	/* @vdevs */
	struct hawser_vdev *vdevs[HAWSER_DEVICES];
	struct hawser_vdev *probing;

	spinlock_t marks_lock;	/* changes of @by_mark */
	struct list_head by_mark[HAWSER_MARKS];

	struct gen_pool *arena;
	struct gen_pool *posted;
	struct list_head graves;
	bool starving;
	struct tasklet_struct feed;

	struct delayed_work abandon;
	u64 dma_mask;
};

/* The two texts of the wire in use. */
enum hawser_wire {
	HAWSER_WIRE_V2,
	HAWSER_WIRE_V1,
};

/*
 * struct hawser_vdev - one device: what the driver asked for, what the peer has
 * @vdev: as the driver sees it
 * @ref: held by the bus, by virtio's struct device, and in between
 * @number: its number on the bus
 * @lock: one conversation with the peer about this device at a time
 * @until: when the one that is under way has to be over
 * @noio: of who holds it: whether its allocations might do I/O before
 * @wire: how the peer writes
 * @device_id, @vendor_id, @max_queues, @config_size: what it said of itself
 * @offered: features of the peer
 * @queue_max: sizes that the peer can do
 * @config: copy of the configuration space; what the driver reads
 * @written: bytes of it that the driver wrote, to be written again
 * @generation: of @config, counted here
 * @config_lock: protects the three
 * @status: what the driver wrote, and NEEDS_RESET
 * @epoch: of the link for which the peer's device is as @status says, or 0
 * @registered: virtio knows it; @changed_early: something changed before
 * @gone: its chains end without a peer, for good
 * @kept: although the peer has it still
 * @broken: latched until the driver resets the device
 * @stale_config: the peer announced a change that has not been read
 * @config_read: when it was last read for that, in jiffies
 * @queues: those that the driver uses
 */
struct hawser_vdev {
	struct virtio_device vdev;
	struct kref ref;
	struct hawser_bus *bus;
	u16 number;

	struct mutex lock;	/* conversations with the peer */
	unsigned long until;
	unsigned int noio;
	enum hawser_wire wire;
	u32 device_id;
	u32 vendor_id;
	u32 max_queues;
	u32 config_size;
	u64 offered;
	u16 queue_max[HAWSER_QUEUES];

	spinlock_t config_lock;	/* the copy of the configuration */
	u8 *config;
	u8 *written;
	u32 generation;

	u8 status;
	u32 epoch;
	bool registered;
	bool changed_early;
	bool gone;
	bool kept;
	bool broken;
	bool stale_config;
	unsigned long config_read;
	struct hawser_queue *queues[HAWSER_QUEUES];
};

static inline struct hawser_vdev *to_hawser(struct virtio_device *vdev)
{
	return container_of(vdev, struct hawser_vdev, vdev);
}

/*
 * bus.c: one request and its answer. @said gets at most @room bytes of payload;
 * their number, or -ENOTCONN (down), -ESHUTDOWN (abandoned), -ETIMEDOUT,
 * -EMSGSIZE. Sleeps, bounded, and at most until @limit.
 */
int hawser_bus_ask(struct hawser_bus *bus, u16 device, u8 type, u8 id,
		   const void *payload, size_t bytes, void *said, size_t room,
		   unsigned long limit);

/*
 * All requests of one conversation together take no longer: some 200 are the
 * most, and without interrupts each takes two looks of the carrier.
 */
#define HAWSER_CONVERSATION_MS 30000

/* Sends an event; any context. */
int hawser_bus_tell(struct hawser_bus *bus, u16 device, u8 id,
		    const void *payload, size_t bytes);

/* dma.c: what the drivers' own memory is called on this bus. */
void hawser_dma_setup(struct hawser_bus *bus);
u64 hawser_dma_features(void);

/* counters.c: the attribute "queues" of a bus. */
extern const struct attribute_group *hawser_bus_groups[];

/* shared_path.c */
int hawser_arena_open(struct hawser_bus *bus);
void hawser_arena_close(struct hawser_bus *bus);
void hawser_graves_clear(struct hawser_bus *bus);

/* Memory of the region was given back, if any, by gen_pool_free(). Any context. */
static inline void hawser_bus_feed(struct hawser_bus *bus)
{
	smp_mb__after_atomic();	/* pairs with the barrier in shared_post() */
	if (READ_ONCE(bus->starving)) {
		WRITE_ONCE(bus->starving, false);
		tasklet_schedule(&bus->feed);
	}
}

static inline bool hawser_bus_is_up(struct hawser_bus *bus)
{
	return READ_ONCE(bus->up);
}

/* vdev.c */
struct hawser_vdev *hawser_vdev_open(struct hawser_bus *bus, u16 number);
void hawser_vdev_put(struct hawser_vdev *v);
int hawser_vdev_register(struct hawser_vdev *v);
void hawser_vdev_unregister(struct hawser_vdev *v);
/* Makes the peer's device what the driver's device is. Sleeps, bounded. */
void hawser_vdev_sync(struct hawser_vdev *v, u32 epoch);
void hawser_vdev_down(struct hawser_vdev *v);
void hawser_vdev_event_config(struct hawser_vdev *v, u32 status);
/* The peer's device does what no device may. Any context. */
void hawser_vdev_break(struct hawser_vdev *v, const char *why);
/* The device will not come back: everything ends at once from now on. */
void hawser_vdev_gone(struct hawser_vdev *v);

/* -EBUSY: until @limit, requests that its driver waits for did not end. */
int hawser_vdev_freeze(struct hawser_vdev *v, unsigned long limit);
int hawser_vdev_restore(struct hawser_vdev *v);

#endif
