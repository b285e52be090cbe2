// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * What the queues of a bus have done: chains that went to the peer, those that
 * ended without it, doorbells asked of the link, calls of the driver, bytes
 * copied between its buffers and where the peer reaches.
 */

#include <linux/device.h>
#include <linux/sysfs.h>

#include "bus.h"
#include "relay.h"

static ssize_t queues_show(struct device *dev, struct device_attribute *attr,
			   char *text)
{
	struct hawser_bus *bus = container_of(dev, struct hawser_bus, dev);
	unsigned int number, n;
	ssize_t at;

	at = sysfs_emit(text, "device queue chains dropped doorbells calls copied\n");
	mutex_lock(&bus->vdevs_lock);
	for (number = 0; number < HAWSER_DEVICES; number++) {
		struct hawser_vdev *v = bus->vdevs[number];

		if (!v)
			continue;
		/*
		 * Not under its lock: who has that may wait for the peer, and
		 * the answer is delivered under the lock that is held here.
		 */
		rcu_read_lock();
		for (n = 0; n < HAWSER_QUEUES; n++) {
			struct hawser_queue *q = READ_ONCE(v->queues[n]);

			if (!q)
				continue;
			at += sysfs_emit_at(text, at,
					    "%u %u %llu %llu %llu %llu %llu\n",
					    number, n, q->chains, q->dropped,
					    q->doorbells, q->interrupts,
					    q->copied);
		}
		rcu_read_unlock();
	}
	mutex_unlock(&bus->vdevs_lock);
	return at;
}
static DEVICE_ATTR_RO(queues);

static struct attribute *bus_attrs[] = {
	&dev_attr_queues.attr,
	NULL
};

static const struct attribute_group bus_group = {
	.attrs = bus_attrs,
};

const struct attribute_group *hawser_bus_groups[] = {
	&bus_group,
	NULL
};
