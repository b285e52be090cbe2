// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * A driver end over Argo, between the bus and the link: who is called when.
 * A signal only schedules the tasklet, which reads what has come and copies it
 * where it belongs. What may sleep, and all that begins or ends an epoch, is
 * the work item's, with the tasklet disabled meanwhile. One spinlock.
 */
#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "argo_end.h"

/* In one run of the work. */
#define MESSAGES 64

static void work_soon(struct hawser_argo *a, unsigned long delay)
{
	if (!READ_ONCE(a->stopped))
		mod_delayed_work(a->workqueue, &a->work, delay);
}

void hawser_argo_signaled(struct hawser_argo *a)
{
	tasklet_hi_schedule(&a->bh);
}

static void bottom_half(struct tasklet_struct *bh)
{
	struct hawser_argo *a = container_of(bh, struct hawser_argo, bh);
	bool more, work;

	more = hawser_courier_work(a->courier);
	spin_lock_irq(&a->lock);
	work = a->argo.state != HAWSER_ARGO_UP || a->argo.gone ||
	       a->argo.fault || a->argo.inbox_used || a->argo.refused ||
	       (a->courier->max_chain && !READ_ONCE(a->told));
	spin_unlock_irq(&a->lock);
	if (work)
		work_soon(a, 0);
	if (more)
		tasklet_hi_schedule(bh);
}

/* The tasklet goes on filling the inbox. True: there may be more. */
static bool pass_messages(struct hawser_argo *a)
{
	int bytes, n;

	for (n = 0; n < MESSAGES && !READ_ONCE(a->stopped); n++) {
		spin_lock_irq(&a->lock);
		bytes = hawser_argo_receive(&a->argo, a->message,
					    sizeof(a->message));
		spin_unlock_irq(&a->lock);
		if (bytes < 0)
			return false;
		hawser_bus_message(&a->link, a->message, bytes);
	}
	return true;
}

static void link_down(struct hawser_argo *a)
{
	if (!a->told)
		return;
	a->told = false;
	hawser_bus_down(&a->link);
}

static void tell(struct hawser_argo *a, enum hawser_argo_event event)
{
	switch (event) {
	case HAWSER_ARGO_NOTHING:
		break;
	case HAWSER_ARGO_WENT_UP:
		dev_info_ratelimited(a->link.dev, "up\n");
		tasklet_hi_schedule(&a->bh);
		break;
	case HAWSER_ARGO_WENT_DOWN:
		dev_info_ratelimited(a->link.dev, "down\n");
		link_down(a);
		break;
	case HAWSER_ARGO_BROKE:
		dev_err(a->link.dev, "broken: %s\n", a->argo.fault);
		link_down(a);
		break;
	}
}

static void look_after(struct work_struct *work)
{
	struct hawser_argo *a = container_of(to_delayed_work(work),
					     struct hawser_argo, work);
	enum hawser_argo_event event;
	u32 epoch, longest;
	u64 due, now;
	bool retry;

	if (READ_ONCE(a->stopped))
		return;
	tasklet_disable(&a->bh);
	spin_lock_irq(&a->lock);
	retry = a->argo.refused && ktime_get_ns() >= a->argo.retry_at;
	event = hawser_argo_poll(&a->argo);
	epoch = a->argo.own;
	if (event != HAWSER_ARGO_NOTHING)
		hawser_courier_forget(a->courier);
	longest = a->argo.state == HAWSER_ARGO_UP ? a->courier->max_chain : 0;
	spin_unlock_irq(&a->lock);
	tasklet_enable(&a->bh);
	/* Parcels are the courier's to send again. */
	if (retry)
		tasklet_hi_schedule(&a->bh);
	tell(a, event);
	/* Not before the peer has said how long a chain may be. */
	if (longest && !a->told) {
		a->told = true;
		a->link.mtu = a->argo.channel_mtu;
		a->link.longest = longest;
		hawser_bus_up(&a->link, epoch);
	}
	if (a->told && pass_messages(a)) {
		work_soon(a, 0);
		return;
	}

	spin_lock_irq(&a->lock);
	due = hawser_argo_due(&a->argo);
	spin_unlock_irq(&a->lock);
	now = ktime_get_ns();
	if (due != U64_MAX)
		work_soon(a, due > now ? nsecs_to_jiffies(due - now) + 1 : 0);
}

/* --- what the bus and the courier ask for -------------------------------- */

static struct hawser_argo *of_link(struct hawser_link *end)
{
	return container_of(end, struct hawser_argo, link);
}

static int op_send(struct hawser_link *end, const void *message, size_t bytes)
{
	struct hawser_argo *a = of_link(end);
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&a->lock, flags);
	ret = hawser_argo_send(&a->argo, message, bytes);
	spin_unlock_irqrestore(&a->lock, flags);
	return ret == -EPIPE ? -ENOTCONN : ret;
}

static void op_ring(struct hawser_link *end, u16 device, u16 queue)
{
	struct hawser_argo *a = of_link(end);
	unsigned long flags;

	spin_lock_irqsave(&a->lock, flags);
	hawser_argo_mark(&a->argo, BIT_ULL(hawser_mark_of(device, queue)));
	spin_unlock_irqrestore(&a->lock, flags);
}

static void op_fail(struct hawser_link *end, const char *why)
{
	struct hawser_argo *a = of_link(end);
	unsigned long flags;

	spin_lock_irqsave(&a->lock, flags);
	hawser_argo_fail(&a->argo, why);
	spin_unlock_irqrestore(&a->lock, flags);
	work_soon(a, 0);
}

static const struct hawser_link_ops link_ops = {
	.send = op_send,
	.ring = op_ring,
	.fail = op_fail,
};

struct hawser_courier *hawser_courier_of(struct hawser_queue *q)
{
	return of_link(q->bus->link)->courier;
}

static struct hawser_argo *of_courier(struct hawser_courier *c)
{
	return container_of(c->argo, struct hawser_argo, argo);
}

static void stir(struct hawser_argo_link *argo)
{
	tasklet_hi_schedule(&container_of(argo, struct hawser_argo, argo)->bh);
}

static void courier_wake(struct hawser_courier *c)
{
	tasklet_hi_schedule(&of_courier(c)->bh);
}

static void courier_quiesce(struct hawser_courier *c)
{
	tasklet_disable(&of_courier(c)->bh);
	tasklet_enable(&of_courier(c)->bh);
}

/* --- life ---------------------------------------------------------------- */

const char *hawser_argo_make(struct hawser_argo *a, struct device *dev,
			     const struct hawser_argo_port *port,
			     const struct hawser_argo_options *options,
			     void *rings)
{
	size_t pages = max(options->control_bytes, options->data_bytes) /
		       HAWSER_ARGO_PAGE_BYTES;
	struct hawser_argo_memory memory = {
		.control = rings,
		.data = rings + options->control_bytes,
		.inbox = rings + options->control_bytes + options->data_bytes,
	};
	const char *unfit;

	spin_lock_init(&a->lock);
	tasklet_setup(&a->bh, bottom_half);
	INIT_DELAYED_WORK(&a->work, look_after);
	a->stopped = true;
	a->scratch = kvzalloc(sizeof(*a->scratch) + pages * sizeof(__le64),
			      GFP_KERNEL);
	a->courier = kvzalloc(sizeof(*a->courier) + options->max_parcel,
			      GFP_KERNEL);
	if (!a->scratch || !a->courier)
		return "no memory";
	memory.scratch = a->scratch;
	unfit = hawser_argo_link_init(&a->argo, port, options, &memory);
	if (unfit)
		return unfit;
	a->argo.stir = stir;
	a->courier->argo = &a->argo;
	a->courier->lock = &a->lock;
	a->courier->wake = courier_wake;
	a->courier->quiesce = courier_quiesce;
	hawser_courier_init(a->courier);
	a->link.ops = &link_ops;
	a->link.path = &hawser_courier_path;
	a->link.dev = dev;
	a->link.marks = true;
	return NULL;
}

void hawser_argo_unmake(struct hawser_argo *a)
{
	kvfree(a->courier);
	kvfree(a->scratch);
}

void hawser_argo_start(struct hawser_argo *a)
{
	WRITE_ONCE(a->stopped, false);
	work_soon(a, 0);
}

void hawser_argo_stop(struct hawser_argo *a)
{
	WRITE_ONCE(a->stopped, true);
	cancel_delayed_work_sync(&a->work);
	tasklet_disable(&a->bh);
	spin_lock_irq(&a->lock);
	a->exposed = !hawser_argo_leave(&a->argo);
	hawser_courier_forget(a->courier);
	spin_unlock_irq(&a->lock);
	tasklet_enable(&a->bh);
	link_down(a);
}

void hawser_argo_quiet(struct hawser_argo *a)
{
	tasklet_kill(&a->bh);
	/* A tasklet that had looked at @stopped in time queued it after stop. */
	cancel_delayed_work_sync(&a->work);
}

void hawser_argo_forgive(struct hawser_argo *a)
{
	spin_lock_irq(&a->lock);
	if (a->argo.state == HAWSER_ARGO_BROKEN)
		hawser_argo_reset(&a->argo);
	spin_unlock_irq(&a->lock);
	work_soon(a, 0);
}
