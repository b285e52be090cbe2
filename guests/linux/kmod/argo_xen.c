// SPDX-License-Identifier: MIT OR GPL-2.0
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * hawser_argo.ko: driver ends of links to other domains over Xen's Argo. Each
 * link is a platform device, made from the module's parameters or described in
 * the device tree (compatible "hawser,argo").
 *
 * One spinlock a link. The signal VIRQ_ARGO, one for the whole domain, only
 * schedules each link's tasklet, which reads what has come and copies it where
 * it belongs. What may sleep, and all that begins or ends an epoch, is the work
 * item's, with the tasklet disabled meanwhile.
 */
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <xen/events.h>
#include <xen/page.h>
#include <xen/xen.h>
#include <asm/xen/hypercall.h>

#include "argo.h"
#include "argo_xen.h"
#include "bus.h"
#include "courier.h"
#include "link.h"

#define MOST_LINKS 16

static int peer[MOST_LINKS];
static int peers;
module_param_array(peer, int, &peers, 0444);
MODULE_PARM_DESC(peer, "domains at the other ends, one for each link; none: only /dev/hawser_argo");

static int link[MOST_LINKS];
module_param_array(link, int, NULL, 0444);
MODULE_PARM_DESC(link, "which of the links between the two domains, for each peer; 0 if not given");

static uint control_kb = 16;
module_param(control_kb, uint, 0444);
MODULE_PARM_DESC(control_kb, "size of a ring for messages in KiB");

static uint data_kb = 512;
module_param(data_kb, uint, 0444);
MODULE_PARM_DESC(data_kb, "size of a ring for parcels in KiB");

static uint parcel_kb = 68;
module_param(parcel_kb, uint, 0444);
MODULE_PARM_DESC(parcel_kb, "longest parcel in KiB: what one hypercall copies");

static uint silence_ms = 3000;
module_param(silence_ms, uint, 0444);
MODULE_PARM_DESC(silence_ms, "a peer that says nothing for so long is gone");

/* What the module's parameters say of one link. */
struct link_words {
	u16 peer;
	u32 number;
};

struct hawser_argo {
	struct hawser_link link;
	struct list_head node;
	/* around argo, and what the courier marks */
	spinlock_t lock;
	struct hawser_argo_link argo;
	struct hawser_courier *courier;
	struct tasklet_struct bh;
	struct delayed_work work;
	bool stopped;
	bool told;	/* the bus: the link is up */
	void *rings;
	struct hawser_argo_scratch *scratch;
	u8 message[HAWSER_ARGO_CHANNEL_MTU];
};

static LIST_HEAD(links);	/* RCU; changed under links_mutex */
static DEFINE_MUTEX(links_mutex);
static struct workqueue_struct *workqueue;
static int virq_irq = -1;

/* --- the port ------------------------------------------------------------ */

static s64 port_call(const struct hawser_argo_port *port, u32 op, void *arg1,
		     void *arg2, u32 arg3, u32 arg4)
{
	return privcmd_call(XEN_HYPERCALL_ARGO_OP, op, (unsigned long)arg1,
			    (unsigned long)arg2, arg3, arg4);
}

/* Rings are vmalloc'd. */
static u64 port_frame(const struct hawser_argo_port *port, const void *at)
{
	struct page *page = vmalloc_to_page(at);

	return pfn_to_gfn(page_to_xen_pfn(page) +
			  (offset_in_page(at) >> XEN_PAGE_SHIFT));
}

static u64 port_now(const struct hawser_argo_port *port)
{
	return ktime_get_ns();
}

const struct hawser_argo_port hawser_xen_port = {
	.call = port_call,
	.frame = port_frame,
	.now = port_now,
};

/* --- at work ------------------------------------------------------------- */

static void work_soon(struct hawser_argo *a, unsigned long delay)
{
	if (!READ_ONCE(a->stopped))
		mod_delayed_work(workqueue, &a->work, delay);
}

static irqreturn_t signaled(int irq, void *context)
{
	struct hawser_argo *a;

	rcu_read_lock();
	list_for_each_entry_rcu(a, &links, node)
		tasklet_hi_schedule(&a->bh);
	rcu_read_unlock();
	hawser_argo_user_signaled();
	return IRQ_HANDLED;
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

static void pass_messages(struct hawser_argo *a)
{
	int bytes;

	for (;;) {
		spin_lock_irq(&a->lock);
		bytes = hawser_argo_receive(&a->argo, a->message,
					    sizeof(a->message));
		spin_unlock_irq(&a->lock);
		if (bytes < 0)
			return;
		hawser_bus_message(&a->link, a->message, bytes);
	}
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
		dev_info(a->link.dev, "up\n");
		tasklet_hi_schedule(&a->bh);
		break;
	case HAWSER_ARGO_WENT_DOWN:
		dev_info(a->link.dev, "down\n");
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

	if (READ_ONCE(a->stopped))
		return;
	tasklet_disable(&a->bh);
	spin_lock_irq(&a->lock);
	event = hawser_argo_poll(&a->argo);
	epoch = a->argo.own;
	if (event != HAWSER_ARGO_NOTHING)
		hawser_courier_forget(a->courier);
	longest = a->argo.state == HAWSER_ARGO_UP ? a->courier->max_chain : 0;
	spin_unlock_irq(&a->lock);
	tasklet_enable(&a->bh);
	tell(a, event);
	/* Not before the peer has said how long a chain may be. */
	if (longest && !a->told) {
		a->told = true;
		a->link.mtu = a->argo.channel_mtu;
		a->link.longest = longest;
		hawser_bus_up(&a->link, epoch);
	}
	if (a->told)
		pass_messages(a);

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

static void courier_wake(struct hawser_courier *c)
{
	tasklet_hi_schedule(&of_courier(c)->bh);
}

static void courier_quiesce(struct hawser_courier *c)
{
	tasklet_disable(&of_courier(c)->bh);
	tasklet_enable(&of_courier(c)->bh);
}

/* --- one link ------------------------------------------------------------ */

static u32 first_port(u32 number)
{
	return HAWSER_ARGO_FIRST_PORT + HAWSER_ARGO_PORT_DRIVER +
	       HAWSER_ARGO_PORTS * number;
}

bool hawser_argo_taken(u32 aport, u16 partner)
{
	struct hawser_argo *a;
	bool taken = false;

	mutex_lock(&links_mutex);
	list_for_each_entry(a, &links, node) {
		taken |= a->argo.options.peer == partner &&
			 aport - first_port(a->argo.options.number) < 2;
	}
	mutex_unlock(&links_mutex);
	return taken;
}

static const char *make_link(struct hawser_argo *a,
			     const struct link_words *words)
{
	struct hawser_argo_options options = {
		.driver = true,
		.peer = words->peer,
		.number = words->number,
		.control_bytes = control_kb * 1024,
		.data_bytes = data_kb * 1024,
		.max_parcel = parcel_kb * 1024,
		.silence = (u64)silence_ms * NSEC_PER_MSEC,
		.noise = get_random_u32(),
	};
	struct hawser_argo_memory memory;
	size_t pages;

	if (!control_kb || control_kb > 16384 || !data_kb || data_kb > 16384 ||
	    !parcel_kb || parcel_kb > 16384 || !silence_ms)
		return "sizes must be of 1 KiB to 16 MiB, and silence_ms not 0";
	pages = max(options.control_bytes, options.data_bytes) /
		HAWSER_ARGO_PAGE_BYTES;
	a->rings = vzalloc(options.control_bytes + options.data_bytes +
			   options.control_bytes / 2);
	a->scratch = kvzalloc(sizeof(*a->scratch) + pages * sizeof(__le64),
			      GFP_KERNEL);
	a->courier = kvzalloc(struct_size(a->courier, staging,
					  options.max_parcel), GFP_KERNEL);
	if (!a->rings || !a->scratch || !a->courier)
		return "no memory";
	memory.control = a->rings;
	memory.data = a->rings + options.control_bytes;
	memory.inbox = memory.data + options.data_bytes;
	memory.scratch = a->scratch;
	a->courier->argo = &a->argo;
	a->courier->lock = &a->lock;
	a->courier->wake = courier_wake;
	a->courier->quiesce = courier_quiesce;
	hawser_courier_init(a->courier);
	return hawser_argo_link_init(&a->argo, &hawser_xen_port, &options, &memory);
}

static void free_link(struct hawser_argo *a)
{
	kvfree(a->courier);
	kvfree(a->scratch);
	vfree(a->rings);
	kfree(a);
}

static void start(struct hawser_argo *a)
{
	WRITE_ONCE(a->stopped, false);
	work_soon(a, 0);
}

/* The peer sees us leave; our rings are ours again. */
static void stop(struct hawser_argo *a)
{
	WRITE_ONCE(a->stopped, true);
	cancel_delayed_work_sync(&a->work);
	tasklet_disable(&a->bh);
	spin_lock_irq(&a->lock);
	hawser_argo_leave(&a->argo);
	hawser_courier_forget(a->courier);
	spin_unlock_irq(&a->lock);
	tasklet_enable(&a->bh);
	link_down(a);
}

static int find_words(struct platform_device *pdev, struct link_words *words)
{
	const struct link_words *given = dev_get_platdata(&pdev->dev);
	u32 domain;

	if (given) {
		*words = *given;
		return 0;
	}
	words->number = 0;
	if (of_property_read_u32(pdev->dev.of_node, "hawser,peer", &domain) ||
	    domain > 0xffff)
		return -EINVAL;
	words->peer = domain;
	of_property_read_u32(pdev->dev.of_node, "hawser,link", &words->number);
	return 0;
}

static int probe(struct platform_device *pdev)
{
	struct link_words words;
	struct hawser_argo *a;
	const char *unfit;
	int ret;

	if (find_words(pdev, &words)) {
		dev_err(&pdev->dev, "hawser,peer must name a domain\n");
		return -EINVAL;
	}
	if (hawser_argo_user_has(first_port(words.number), words.peer)) {
		dev_err(&pdev->dev, "a program has this end of the link\n");
		return -EBUSY;
	}
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	spin_lock_init(&a->lock);
	tasklet_setup(&a->bh, bottom_half);
	INIT_DELAYED_WORK(&a->work, look_after);
	unfit = make_link(a, &words);
	if (unfit) {
		dev_err(&pdev->dev, "%s\n", unfit);
		ret = -EINVAL;
		goto free;
	}
	a->link.ops = &link_ops;
	a->link.path = &hawser_courier_path;
	a->link.dev = &pdev->dev;
	a->link.marks = true;
	ret = hawser_bus_attach(&a->link);
	if (ret)
		goto free;
	platform_set_drvdata(pdev, a);
	dev_info(&pdev->dev, "link %u to domain %u\n", words.number,
		 words.peer);
	mutex_lock(&links_mutex);
	list_add_rcu(&a->node, &links);
	mutex_unlock(&links_mutex);
	start(a);
	return 0;

free:
	free_link(a);
	return ret;
}

static void unbind(struct platform_device *pdev)
{
	struct hawser_argo *a = platform_get_drvdata(pdev);

	hawser_bus_unplug(&a->link);
	stop(a);
	mutex_lock(&links_mutex);
	list_del_rcu(&a->node);
	mutex_unlock(&links_mutex);
	synchronize_rcu();
	tasklet_kill(&a->bh);
	hawser_bus_detach(&a->link);
	free_link(a);
}

#ifdef HAWSER_REMOVE_RETURNS
static int unbind_by_old_rules(struct platform_device *pdev)
{
	unbind(pdev);
	return 0;
}
#endif

static void shutdown(struct platform_device *pdev)
{
	stop(platform_get_drvdata(pdev));
}

static int __maybe_unused suspend(struct device *dev)
{
	stop(dev_get_drvdata(dev));
	return 0;
}

static int __maybe_unused resume(struct device *dev)
{
	start(dev_get_drvdata(dev));
	return 0;
}

static SIMPLE_DEV_PM_OPS(argo_pm, suspend, resume);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct hawser_argo *a = dev_get_drvdata(dev);
	const char *fault;

	switch (READ_ONCE(a->argo.state)) {
	case HAWSER_ARGO_UP:
		return sysfs_emit(buf, "up\n");
	case HAWSER_ARGO_BROKEN:
		fault = READ_ONCE(a->argo.fault);
		return sysfs_emit(buf, "broken: %s\n", fault ?: "");
	default:
		return sysfs_emit(buf, "down\n");
	}
}

/* "reset": what broke the link is forgiven. */
static ssize_t state_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct hawser_argo *a = dev_get_drvdata(dev);

	if (!sysfs_streq(buf, "reset"))
		return -EINVAL;
	spin_lock_irq(&a->lock);
	if (a->argo.state == HAWSER_ARGO_BROKEN)
		hawser_argo_reset(&a->argo);
	spin_unlock_irq(&a->lock);
	work_soon(a, 0);
	return count;
}
static DEVICE_ATTR_RW(state);

static ssize_t epoch_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct hawser_argo *a = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u/%u\n", READ_ONCE(a->argo.own),
			  READ_ONCE(a->argo.seen));
}
static DEVICE_ATTR_RO(epoch);

static ssize_t peer_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct hawser_argo *a = dev_get_drvdata(dev);

	return sysfs_emit(buf, "domain %u, link %u\n", a->argo.options.peer,
			  a->argo.options.number);
}
static DEVICE_ATTR_RO(peer);

static ssize_t parcels_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct hawser_argo *a = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%llu sent, %llu received, %llu bytes copied before\n",
			  a->courier->parcels_sent,
			  a->courier->parcels_received,
			  a->courier->bytes_staged);
}
static DEVICE_ATTR_RO(parcels);

static struct attribute *argo_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_epoch.attr,
	&dev_attr_peer.attr,
	&dev_attr_parcels.attr,
	NULL,
};
ATTRIBUTE_GROUPS(argo);

static const struct of_device_id argo_of_match[] = {
	{ .compatible = "hawser,argo" },
	{}
};
MODULE_DEVICE_TABLE(of, argo_of_match);

static struct platform_driver argo_driver = {
	.probe = probe,
#ifdef HAWSER_REMOVE_RETURNS
	.remove = unbind_by_old_rules,
#else
	.remove = unbind,
#endif
	.shutdown = shutdown,
	.driver = {
		.name = "hawser-argo",
		.of_match_table = argo_of_match,
		.pm = &argo_pm,
		.dev_groups = argo_groups,
	},
};

/* --- the module ---------------------------------------------------------- */

static struct platform_device *given[MOST_LINKS];

static int add_given(int n)
{
	struct link_words words = { .peer = peer[n], .number = link[n] };

	if (peer[n] < 0 || peer[n] > 0xffff || link[n] < 0) {
		pr_err("hawser_argo: there is no domain %d, link %d\n", peer[n],
		       link[n]);
		return -EINVAL;
	}
	given[n] = platform_device_register_data(NULL, "hawser-argo", n, &words,
						 sizeof(words));
	return PTR_ERR_OR_ZERO(given[n]);
}

static void remove_given(int count)
{
	while (count--)
		platform_device_unregister(given[count]);
}

static int __init argo_init(void)
{
	int ret, n;

	if (!xen_domain())
		return -ENODEV;
	workqueue = alloc_workqueue("hawser-argo",
				    WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	if (!workqueue)
		return -ENOMEM;
	/* 0 is an interrupt like any other here. */
	virq_irq = bind_virq_to_irqhandler(XEN_VIRQ_ARGO, 0, signaled, 0,
					   "hawser-argo", &links);
	if (virq_irq < 0) {
		ret = virq_irq;
		pr_err("hawser_argo: no signal VIRQ_ARGO (%d): is another driver of Argo loaded?\n",
		       ret);
		goto destroy;
	}
	ret = hawser_argo_user_init();
	if (ret)
		goto unbind;
	ret = platform_driver_register(&argo_driver);
	if (ret)
		goto user_exit;
	for (n = 0; n < peers; n++) {
		ret = add_given(n);
		if (ret) {
			remove_given(n);
			goto unregister;
		}
	}
	return 0;

unregister:
	platform_driver_unregister(&argo_driver);
user_exit:
	hawser_argo_user_exit();
unbind:
	unbind_from_irqhandler(virq_irq, &links);
destroy:
	destroy_workqueue(workqueue);
	return ret;
}
module_init(argo_init);

static void __exit argo_exit(void)
{
	remove_given(peers);
	platform_driver_unregister(&argo_driver);
	hawser_argo_user_exit();
	unbind_from_irqhandler(virq_irq, &links);
	destroy_workqueue(workqueue);
}
module_exit(argo_exit);

MODULE_DESCRIPTION("Hawser's virtio devices of other domains, over Xen's Argo");
MODULE_AUTHOR("The Hawser authors");
MODULE_LICENSE("Dual MIT/GPL");
