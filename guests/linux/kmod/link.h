/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * One end of a link as the bus sees it: the seam between hawser.ko (bus,
 * devices, rings) and what carries it (hawser_ivshmem.ko). What a link
 * promises is in transport/README.md; this is the same in C.
 *
 * Life: attach, then any number of up .. down, then detach. The carrier calls
 * attach, detach, up, down and message one at a time (from one work item or
 * under one mutex of its own); rung may come from anywhere at any time
 * between attach and detach.
 *
 * hawser_bus_up() and hawser_bus_message() may sleep but never wait for the
 * peer, so that the carrier may call them from the work item that also takes
 * the peer's messages. hawser_bus_down() and hawser_bus_detach() end every
 * wait for the peer that is under way.
 */
#ifndef HAWSER_LINK_H
#define HAWSER_LINK_H

#include <linux/types.h>

struct device;
struct hawser_bus;
struct hawser_link;
struct hawser_path_ops;

/**
 * struct hawser_link_ops - what the bus asks of its carrier
 * @send: queues one message, whole or not at all, and lets the peer know.
 *	Any context. 0, or -EAGAIN (full), -EMSGSIZE, -ENOTCONN (not up).
 * @ring: tells the peer to look at this queue of this device. Any context,
 *	cheap; what was stored before the call is visible to who it wakes.
 * @fail: the peer broke the protocol. The carrier says so in one line, takes
 *	the link down (hawser_bus_down() comes from its own context, later) and
 *	keeps it broken until somebody resets it. Any context.
 */
struct hawser_link_ops {
	int (*send)(struct hawser_link *link, const void *message, size_t bytes);
	void (*ring)(struct hawser_link *link, u16 device, u16 queue);
	void (*fail)(struct hawser_link *link, const char *why);
};

/**
 * struct hawser_link - embedded in the carrier's own struct
 * @ops: set before attach
 * @dev: parent of the virtio devices that appear; set before attach
 * @region: the shared data, mapped so that ordinary loads and stores work;
 *	%NULL on a link that copies. Set before attach; stays mapped until
 *	detach returns.
 * @path: how chains travel (relay.h) on a link that copies; %NULL: in @region.
 *	Set before attach.
 * @region_bytes: its size
 * @longest: most readable, and most writable, bytes of a chain; 0: no bound.
 *	Valid while up. Set by the bus if there is a region.
 * @mtu: longest message that @ops->send takes, at least 52. Valid while up.
 * @marks: marks are the only notification (docs/decisions/0004): neither side
 *	sends EVENT_AVAIL or EVENT_USED. Set before hawser_bus_up().
 * @bus: belongs to the bus
 */
struct hawser_link {
	const struct hawser_link_ops *ops;
	const struct hawser_path_ops *path;
	struct device *dev;
	void *region;
	size_t region_bytes;
	u32 longest;
	size_t mtu;
	bool marks;
	struct hawser_bus *bus;
};

/* The mark that stands for a queue (virtio/include/hawser/virtio/msg/bus.hpp). */
static inline unsigned int hawser_mark_of(u16 device, u16 queue)
{
	return (device * 8u + queue % 8u) % 64u;
}

/* Process context. No virtio device appears before the link is up. */
int hawser_bus_attach(struct hawser_link *link);

/*
 * Process context. Takes the drivers off the devices while the link still
 * works, so that what they have to write is written; a peer that is not there
 * or takes long does not hold it up. Other calls may come meanwhile and must,
 * for the drivers' requests to be answered. No device appears afterwards.
 */
void hawser_bus_unplug(struct hawser_link *link);

/*
 * Process context; waits until the drivers have let go of the devices, with
 * hawser_bus_unplug() if nobody called it.
 * Afterwards no callback comes and no op runs.
 */
void hawser_bus_detach(struct hawser_link *link);

/* Process context. The link is up in a new epoch, never 0. */
void hawser_bus_up(struct hawser_link *link, u32 epoch);

/* Process context. Devices stay; what they do stalls until the link is up. */
void hawser_bus_down(struct hawser_link *link);

/* Process context; @message is a private copy, padding included or not. */
void hawser_bus_message(struct hawser_link *link, const void *message,
			size_t bytes);

/*
 * These marks were rung (bit n: mark n). Hard interrupts, tasklets; elsewhere
 * with bottom halves disabled, as drivers are called from it.
 */
void hawser_bus_rung(struct hawser_link *link, u64 marks);

/*
 * Virtio devices of this link that a driver has begun to use, so that giving
 * the link away would hurt. Process context; a snapshot.
 */
unsigned int hawser_bus_devices_in_use(struct hawser_link *link);

#endif
