/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * A driver end over Argo as the bus and the courier see it. No Xen: also run
 * in user space, for tests.
 */
#ifndef HAWSER_ARGO_END_H
#define HAWSER_ARGO_END_H

#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "argo.h"
#include "bus.h"
#include "courier.h"
#include "link.h"

struct hawser_argo {
	struct hawser_link link;
	struct workqueue_struct *workqueue;
	/* around argo, and what the courier marks */
	spinlock_t lock;
	struct hawser_argo_link argo;
	struct hawser_courier *courier;
	struct tasklet_struct bh;
	struct delayed_work work;
	bool stopped;
	bool exposed;		/* Xen may write to the rings of a stopped end */
	bool told;		/* the bus: the link is up */
	struct hawser_argo_scratch *scratch;
	u8 message[HAWSER_ARGO_CHANNEL_MTU];
	struct list_head node;	/* the module's */
	void *rings;
};

/*
 * @a is zeroed but for @workqueue; @rings are page-aligned, and as long as
 * hawser_argo_rings_bytes(). NULL, or why not; unmake in any case.
 */
const char *hawser_argo_make(struct hawser_argo *a, struct device *dev,
			     const struct hawser_argo_port *port,
			     const struct hawser_argo_options *options,
			     void *rings);
void hawser_argo_unmake(struct hawser_argo *a);

static inline size_t
hawser_argo_rings_bytes(const struct hawser_argo_options *options)
{
	return (size_t)options->control_bytes + options->data_bytes +
	       options->control_bytes / 2;
}

/* Between hawser_bus_attach() and detach, as often as you like. */
void hawser_argo_start(struct hawser_argo *a);
/* The peer sees us leave; our rings are ours again, or @exposed says not. */
void hawser_argo_stop(struct hawser_argo *a);
/* Stopped, and signaled by nobody: nothing of it runs, or will. */
void hawser_argo_quiet(struct hawser_argo *a);
/* What broke the link is forgiven. */
void hawser_argo_forgive(struct hawser_argo *a);
/* Any context: something may have come. */
void hawser_argo_signaled(struct hawser_argo *a);

#endif
