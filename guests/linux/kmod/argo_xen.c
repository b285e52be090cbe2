// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * hawser_argo.ko: driver ends of links to other domains over Xen's Argo. Each
 * link is a platform device, made from the module's parameters or described in
 * the device tree (compatible "hawser,argo").
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

#include "argo_end.h"
#include "argo_xen.h"

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

static irqreturn_t signaled(int irq, void *context)
{
	struct hawser_argo *a;

	rcu_read_lock();
	list_for_each_entry_rcu(a, &links, node)
		hawser_argo_signaled(a);
	rcu_read_unlock();
	hawser_argo_user_signaled();
	return IRQ_HANDLED;
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

/* No signal comes any more. */
static void disclaim(struct hawser_argo *a)
{
	mutex_lock(&links_mutex);
	list_del_rcu(&a->node);
	mutex_unlock(&links_mutex);
	synchronize_rcu();
	hawser_argo_quiet(a);
}

/*
 * The rings are this link's from now on. In the list first, then a look at
 * programs' rings: a program looks at this list before it has one.
 */
static const char *claim(struct hawser_argo *a, const struct link_words *words)
{
	u32 port = first_port(words->number);
	struct hawser_argo *other;
	bool twice = false;

	mutex_lock(&links_mutex);
	list_for_each_entry(other, &links, node) {
		twice |= other->argo.options.peer == words->peer &&
			 other->argo.options.number == words->number;
	}
	if (!twice)
		list_add_rcu(&a->node, &links);
	mutex_unlock(&links_mutex);
	if (twice)
		return "there is this link already: give them different numbers";
	if (hawser_argo_user_has(port, words->peer) ||
	    hawser_argo_user_has(port + 1, words->peer)) {
		disclaim(a);
		return "a program has this end of the link";
	}
	return NULL;
}

static const char *make_link(struct hawser_argo *a, struct device *dev,
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

	if (!control_kb || control_kb > 16384 || !data_kb || data_kb > 16384 ||
	    !parcel_kb || parcel_kb > 16384 || !silence_ms)
		return "sizes must be of 1 KiB to 16 MiB, and silence_ms not 0";
	a->workqueue = workqueue;
	a->rings = vzalloc(hawser_argo_rings_bytes(&options));
	if (!a->rings)
		return "no memory";
	return hawser_argo_make(a, dev, &hawser_xen_port, &options, a->rings);
}

static void free_link(struct hawser_argo *a)
{
	hawser_argo_unmake(a);
	/* Otherwise they are nobody else's ever. */
	if (!a->exposed)
		vfree(a->rings);
	kfree(a);
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
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	unfit = make_link(a, &pdev->dev, &words);
	if (unfit) {
		dev_err(&pdev->dev, "%s\n", unfit);
		ret = -EINVAL;
		goto free;
	}
	unfit = claim(a, &words);
	if (unfit) {
		dev_err(&pdev->dev, "%s\n", unfit);
		ret = -EBUSY;
		goto free;
	}
	ret = hawser_bus_attach(&a->link);
	if (ret)
		goto disclaim;
	platform_set_drvdata(pdev, a);
	dev_info(&pdev->dev, "link %u to domain %u\n", words.number,
		 words.peer);
	hawser_argo_start(a);
	return 0;

disclaim:
	disclaim(a);
free:
	free_link(a);
	return ret;
}

static void unbind(struct platform_device *pdev)
{
	struct hawser_argo *a = platform_get_drvdata(pdev);

	hawser_bus_unplug(&a->link);
	hawser_argo_stop(a);
	if (a->exposed)
		dev_err(&pdev->dev, "Xen does not unregister the rings: their memory is not given back\n");
	disclaim(a);
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
	hawser_argo_stop(platform_get_drvdata(pdev));
}

static int __maybe_unused suspend(struct device *dev)
{
	hawser_argo_stop(dev_get_drvdata(dev));
	return 0;
}

static int __maybe_unused resume(struct device *dev)
{
	hawser_argo_start(dev_get_drvdata(dev));
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
	hawser_argo_forgive(a);
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
