// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * The driver's side of a virtio-msg bus over a link: requests and their
 * answers, events, which devices there are. Clauses are those of the
 * virtio-msg PATCH v2 text; devices of the first text are understood as well.
 */

#include <linux/delay.h>
#include <linux/idr.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_config.h>

#include "bus.h"
#include "relay.h"

/* How long a request waits for its answer. */
#define ANSWER_MS 5000
/* How long to wait before a full queue is tried again. */
#define FULL_MS 2
/* How long a peer that is there is given to finish what drivers wait for. */
#define LEAVE_MS 10000
/* How long a suspend waits for what drivers wait for, before it is refused. */
#define SUSPEND_MS 5000
/* How long a driver may take to begin; the kernel reports tasks hung for 120 s. */
#define PROBE_MS 100000
/* Between devices that come and go on a peer's word: drivers log each. */
#define PLUG_PAUSE_MS 100

static DEFINE_IDA(bus_ids);

/*
 * struct ask - a request that waits for its answer
 * @node: in the bus's list until the answer is there or the link is down
 * @type, @id, @device, @token: how the answer is known
 * @said, @room: where its payload goes
 * @result: bytes of payload that came, or what went wrong
 */
struct ask {
	struct list_head node;
	u8 type;
	u8 id;
	u16 device;
	u16 token;
	void *said;
	size_t room;
	int result;
	struct completion done;
};

/* --- messages ------------------------------------------------------------ */

static int send_message(struct hawser_bus *bus, u8 type, u8 id, u16 device,
			u16 token, const void *payload, size_t bytes)
{
	u8 message[VIRTIO_MSG_MAX_MESSAGE];
	struct hawser_msg_header header = {
		.type = type,
		.msg_id = id,
		.dev_num = cpu_to_le16(device),
		.token = cpu_to_le16(token),
		.msg_size = cpu_to_le16(sizeof(header) + bytes),
	};

	if (sizeof(header) + bytes > sizeof(message))
		return -EMSGSIZE;
	memcpy(message, &header, sizeof(header));
	if (bytes)
		memcpy(message + sizeof(header), payload, bytes);
	return bus->link->ops->send(bus->link, message, sizeof(header) + bytes);
}

int hawser_bus_tell(struct hawser_bus *bus, u16 device, u8 id,
		    const void *payload, size_t bytes)
{
	return send_message(bus, 0, id, device, 0, payload, bytes);
}

int hawser_bus_ask(struct hawser_bus *bus, u16 device, u8 type, u8 id,
		   const void *payload, size_t bytes, void *said, size_t room,
		   unsigned long limit)
{
	unsigned long until = jiffies + msecs_to_jiffies(ANSWER_MS);
	struct ask ask = {
		.type = type | VIRTIO_MSG_TYPE_RESPONSE,
		.id = id,
		.device = device,
		.said = said,
		.room = room,
		.result = -ETIMEDOUT,
	};
	int ret;

	if (time_after(until, limit))
		until = limit;
	init_completion(&ask.done);
	spin_lock_irq(&bus->lock);
	if (!bus->up)
		ret = -ENOTCONN;
	else if (bus->abandoned)
		ret = -ESHUTDOWN;
	else
		ret = time_after(jiffies, limit) ? -ETIMEDOUT : 0;
	if (ret) {
		spin_unlock_irq(&bus->lock);
		return ret;
	}
	/* 0 is for events, and for what the first text's devices answer. */
	do {
		ask.token = ++bus->token;
	} while (!ask.token);
	list_add_tail(&ask.node, &bus->asked);
	spin_unlock_irq(&bus->lock);

	for (;;) {
		ret = send_message(bus, type, id, device, ask.token, payload,
				   bytes);
		if (ret != -EAGAIN || time_after(jiffies, until))
			break;
		if (wait_for_completion_timeout(&ask.done,
						msecs_to_jiffies(FULL_MS)))
			break;	/* the link went down, or was given up */
	}
	if (!ret) {
		long left = until - jiffies;

		wait_for_completion_timeout(&ask.done, max(left, 1L));
	}
	spin_lock_irq(&bus->lock);
	/* Whoever answered has taken it off the list. */
	if (!list_empty(&ask.node)) {
		list_del(&ask.node);
		ask.result = ret ? ret : -ETIMEDOUT;
	}
	spin_unlock_irq(&bus->lock);
	return ask.result;
}

static void take_answer(struct hawser_bus *bus,
			const struct hawser_msg_header *header,
			const void *payload, size_t bytes)
{
	u8 type = header->type & VIRTIO_MSG_TYPE_MASK;
	u16 token = le16_to_cpu(header->token);
	struct ask *ask;

	spin_lock_irq(&bus->lock);
	list_for_each_entry(ask, &bus->asked, node) {
		/* v1 devices answer bus messages without their token. */
		bool ours = token == ask->token ||
			    (!token && (type & VIRTIO_MSG_TYPE_BUS));

		if (!ours || ask->type != type || ask->id != header->msg_id ||
		    ask->device != le16_to_cpu(header->dev_num))
			continue;
		list_del_init(&ask->node);
		ask->result = min(bytes, ask->room);
		if (ask->result)
			memcpy(ask->said, payload, ask->result);
		complete(&ask->done);
		break;
	}
	spin_unlock_irq(&bus->lock);
}

static void take_device_event(struct hawser_bus *bus, const void *payload,
			      size_t bytes)
{
	struct hawser_msg_event_device event;
	unsigned long next;
	u16 number, state;

	if (bytes < sizeof(event))
		return;
	memcpy(&event, payload, sizeof(event));
	number = le16_to_cpu(event.device_number);
	state = le16_to_cpu(event.state);
	if (number >= HAWSER_DEVICES)
		return;
	/* Its I/O ends now: @plug may be waiting for that in a probe. */
	mutex_lock(&bus->vdevs_lock);
	if (state == VIRTIO_MSG_DEVICE_REMOVED && bus->vdevs[number])
		hawser_vdev_gone(bus->vdevs[number]);
	mutex_unlock(&bus->vdevs_lock);
	spin_lock_irq(&bus->lock);
	if (state == VIRTIO_MSG_DEVICE_ADDED) {
		__set_bit(number, bus->added);
	} else if (state == VIRTIO_MSG_DEVICE_REMOVED) {
		__clear_bit(number, bus->added);
		__set_bit(number, bus->removed);
	}
	spin_unlock_irq(&bus->lock);
	next = READ_ONCE(bus->plugged) + msecs_to_jiffies(PLUG_PAUSE_MS);
	queue_delayed_work(bus->plugging, &bus->plug,
			   time_before(jiffies, next) ? next - jiffies : 0);
}

static void take_event(struct hawser_bus *bus, u8 id, u16 device,
		       const void *payload, size_t bytes)
{
	struct hawser_msg_event_config config;
	struct hawser_msg_event_used used;
	struct hawser_vdev *v;

	if (device >= HAWSER_DEVICES)
		return;
	mutex_lock(&bus->vdevs_lock);
	v = bus->vdevs[device];
	if (v && id == VIRTIO_MSG_EVENT_CONFIG && bytes >= sizeof(config)) {
		memcpy(&config, payload, sizeof(config));
		hawser_vdev_event_config(v, le32_to_cpu(config.device_status));
	} else if (v && id == VIRTIO_MSG_EVENT_USED && bytes >= sizeof(used)) {
		unsigned int mark;

		memcpy(&used, payload, sizeof(used));
		mark = hawser_mark_of(device, le32_to_cpu(used.vq_index));
		local_bh_disable();
		hawser_bus_rung(bus->link, BIT_ULL(mark));
		local_bh_enable();
	}
	mutex_unlock(&bus->vdevs_lock);
}

void hawser_bus_message(struct hawser_link *link, const void *message,
			size_t bytes)
{
	struct hawser_bus *bus = link->bus;
	struct hawser_msg_header header;
	const void *payload = message + sizeof(header);
	u16 size;
	u8 type;

	if (bytes < sizeof(header))
		return;
	memcpy(&header, message, sizeof(header));
	size = le16_to_cpu(header.msg_size);
	if (size < sizeof(header) || size > bytes)
		return;
	bytes = size - sizeof(header);
	type = header.type & VIRTIO_MSG_TYPE_MASK;

	if (type & VIRTIO_MSG_TYPE_RESPONSE)
		take_answer(bus, &header, payload, bytes);
	else if (type != VIRTIO_MSG_TYPE_BUS)
		take_event(bus, header.msg_id, le16_to_cpu(header.dev_num),
			   payload, bytes);
	else if (header.msg_id == VIRTIO_MSG_BUS_EVENT_DEVICE)
		take_device_event(bus, payload, bytes);
	else if (header.msg_id == VIRTIO_MSG_BUS_PING &&
		 bytes >= sizeof(struct hawser_msg_ping))
		send_message(bus, VIRTIO_MSG_TYPE_BUS | VIRTIO_MSG_TYPE_RESPONSE,
			     VIRTIO_MSG_BUS_PING, 0, le16_to_cpu(header.token),
			     payload, sizeof(struct hawser_msg_ping));
}
EXPORT_SYMBOL_GPL(hawser_bus_message);

void hawser_bus_rung(struct hawser_link *link, u64 marks)
{
	struct hawser_bus *bus = link->bus;
	struct hawser_queue *q;

	rcu_read_lock();
	while (marks) {
		unsigned int mark = __ffs64(marks);

		marks &= marks - 1;
		list_for_each_entry_rcu(q, &bus->by_mark[mark], mark_node)
			hawser_queue_rung(q);
	}
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(hawser_bus_rung);

/*
 * Memory of the region has become free, and some queue found none before; it
 * may be any queue of any device, and may not have noted yet that it is
 * blocked: that is only seen under its lock.
 */
static void feed(struct tasklet_struct *tasklet)
{
	struct hawser_bus *bus = container_of(tasklet, struct hawser_bus, feed);
	struct hawser_queue *q;
	unsigned int mark;

	rcu_read_lock();
	for (mark = 0; mark < HAWSER_MARKS; mark++) {
		list_for_each_entry_rcu(q, &bus->by_mark[mark], mark_node)
			tasklet_schedule(&q->bh);
	}
	rcu_read_unlock();
}

/* --- devices come and go ------------------------------------------------- */

/* Which devices there are, by message; v1 has two fields the other way. */
static int list_devices(struct hawser_bus *bus, unsigned long *there)
{
	struct {
		struct hawser_msg_device_list head;
		u8 bitmap[HAWSER_DEVICES / 8];
	} said;
	unsigned long limit = jiffies +
			      msecs_to_jiffies(HAWSER_CONVERSATION_MS);
	struct hawser_msg_device_range range;
	unsigned int offset = 0, n;

	bitmap_zero(there, HAWSER_DEVICES);
	while (offset < HAWSER_DEVICES) {
		u16 next, count;
		int got;

		range.offset = cpu_to_le16(offset);
		range.count = cpu_to_le16(HAWSER_DEVICES - offset);
		got = hawser_bus_ask(bus, 0, VIRTIO_MSG_TYPE_BUS,
				     VIRTIO_MSG_BUS_GET_DEVICES, &range,
				     sizeof(range), &said, sizeof(said), limit);
		if (got < 0)
			return got;
		if (got < (int)sizeof(said.head) ||
		    le16_to_cpu(said.head.offset) != offset)
			return -EPROTO;
		got -= sizeof(said.head);
		next = le16_to_cpu(said.head.next_offset);
		count = le16_to_cpu(said.head.count);
		/* Only in the right order does the bitmap fit its count. */
		if (got != DIV_ROUND_UP(count, 8) &&
		    got == DIV_ROUND_UP(next, 8))
			swap(next, count);
		for (n = 0; n < count && n / 8 < got; n++) {
			if (offset + n < HAWSER_DEVICES &&
			    said.bitmap[n / 8] & BIT(n % 8))
				__set_bit(offset + n, there);
		}
		if (next <= offset)
			break;
		offset = next;
	}
	return 0;
}

static void unplug(struct hawser_bus *bus, u16 number)
{
	struct hawser_vdev *v;

	mutex_lock(&bus->vdevs_lock);
	v = bus->vdevs[number];
	mutex_unlock(&bus->vdevs_lock);
	if (!v)
		return;
	/* Still found by events and down() while the driver lets go of it. */
	hawser_vdev_unregister(v);
	mutex_lock(&bus->vdevs_lock);
	bus->vdevs[number] = NULL;
	mutex_unlock(&bus->vdevs_lock);
	hawser_vdev_put(v);
}

/*
 * A driver that begins may read from its device, in the middle of @plug and
 * where nothing interrupts it, while the device is silent or its peer away.
 */
static void end_probe(struct work_struct *work)
{
	struct hawser_bus *bus = container_of(to_delayed_work(work),
					      struct hawser_bus, end_probe);

	mutex_lock(&bus->vdevs_lock);
	if (bus->probing) {
		dev_err_ratelimited(&bus->dev,
				    "device %u: lets no driver begin, so it is left alone until the link comes up again\n",
				    bus->probing->number);
		WRITE_ONCE(bus->probing->kept, true);
		hawser_vdev_gone(bus->probing);
	}
	mutex_unlock(&bus->vdevs_lock);
}

static void probing(struct hawser_bus *bus, struct hawser_vdev *v)
{
	mutex_lock(&bus->vdevs_lock);
	bus->probing = v;
	mutex_unlock(&bus->vdevs_lock);
	if (v)
		mod_delayed_work(system_unbound_wq, &bus->end_probe,
				 msecs_to_jiffies(PROBE_MS));
	else
		cancel_delayed_work_sync(&bus->end_probe);
}

static void plug_in(struct hawser_bus *bus, u16 number)
{
	struct hawser_vdev *v;
	int ret;

	if (bus->vdevs[number] || READ_ONCE(bus->leaving))
		return;
	v = hawser_vdev_open(bus, number);
	if (IS_ERR(v)) {
		if (PTR_ERR(v) != -ENOTCONN && PTR_ERR(v) != -ESHUTDOWN &&
		    PTR_ERR(v) != -EPERM)
			dev_warn_ratelimited(&bus->dev,
					     "device %u: cannot be used (%ld)\n",
					     number, PTR_ERR(v));
		return;
	}
	mutex_lock(&bus->vdevs_lock);
	bus->vdevs[number] = v;
	/* abandon() has passed, and did not see it. */
	if (READ_ONCE(bus->abandoned))
		hawser_vdev_gone(v);
	mutex_unlock(&bus->vdevs_lock);
	probing(bus, v);
	ret = hawser_vdev_register(v);
	probing(bus, NULL);
	if (ret) {
		mutex_lock(&bus->vdevs_lock);
		bus->vdevs[number] = NULL;
		mutex_unlock(&bus->vdevs_lock);
		hawser_vdev_put(v);
	}
}

static void plug(struct work_struct *work)
{
	struct hawser_bus *bus = container_of(to_delayed_work(work),
					      struct hawser_bus, plug);
	DECLARE_BITMAP(added, HAWSER_DEVICES);
	DECLARE_BITMAP(removed, HAWSER_DEVICES);
	DECLARE_BITMAP(there, HAWSER_DEVICES);
	unsigned int number;
	bool enumerate;

	mutex_lock(&bus->plug_lock);
	if (bus->suspended) {	/* comes again with the end of it */
		mutex_unlock(&bus->plug_lock);
		return;
	}
	spin_lock_irq(&bus->lock);
	bitmap_copy(added, bus->added, HAWSER_DEVICES);
	bitmap_copy(removed, bus->removed, HAWSER_DEVICES);
	if (!bitmap_empty(added, HAWSER_DEVICES) ||
	    !bitmap_empty(removed, HAWSER_DEVICES))
		WRITE_ONCE(bus->plugged, jiffies);
	bitmap_zero(bus->added, HAWSER_DEVICES);
	bitmap_zero(bus->removed, HAWSER_DEVICES);
	enumerate = bus->enumerate && bus->up;
	bus->enumerate = false;
	spin_unlock_irq(&bus->lock);

	if (enumerate) {
		if (list_devices(bus, there)) {
			if (hawser_bus_is_up(bus))
				dev_warn_ratelimited(&bus->dev,
						     "the peer does not say which devices it has\n");
		} else {
			bitmap_or(added, added, there, HAWSER_DEVICES);
			for (number = 0; number < HAWSER_DEVICES; number++) {
				if (bus->vdevs[number] &&
				    !test_bit(number, there))
					__set_bit(number, removed);
			}
		}
	}
	for (number = 0; number < HAWSER_DEVICES; number++) {
		struct hawser_vdev *v = bus->vdevs[number];

		if (!v)
			continue;
		if (test_bit(number, removed))
			hawser_vdev_gone(v);
		/* One that the peer replaced by another leaves as well. */
		if (READ_ONCE(v->gone))
			unplug(bus, number);
	}
	for_each_set_bit(number, added, HAWSER_DEVICES)
		plug_in(bus, number);
	mutex_unlock(&bus->plug_lock);
	/* The link may have gone down and up before they could be seen. */
	if (!bitmap_empty(added, HAWSER_DEVICES))
		mod_delayed_work(bus->protocol, &bus->sync, 0);
}

/*
 * Brings every known device in step with its peer. Never waits for a driver,
 * for a driver may be waiting for this.
 */
static void sync_devices(struct work_struct *work)
{
	struct hawser_bus *bus = container_of(to_delayed_work(work),
					      struct hawser_bus, sync);
	unsigned int noio = memalloc_noio_save();
	unsigned int number;
	u32 epoch;

	for (number = 0; number < HAWSER_DEVICES; number++) {
		struct hawser_vdev *v;

		mutex_lock(&bus->vdevs_lock);
		v = bus->vdevs[number];
		if (v)
			kref_get(&v->ref);
		mutex_unlock(&bus->vdevs_lock);
		if (!v)
			continue;
		epoch = READ_ONCE(bus->epoch);
		if (epoch)
			hawser_vdev_sync(v, epoch);
		hawser_vdev_put(v);
	}
	memalloc_noio_restore(noio);
	queue_delayed_work(bus->plugging, &bus->plug, 0);
}

/* --- life ---------------------------------------------------------------- */

void hawser_bus_up(struct hawser_link *link, u32 epoch)
{
	struct hawser_bus *bus = link->bus;

	if (hawser_bus_is_up(bus))
		hawser_bus_down(link);
	spin_lock_irq(&bus->lock);
	bus->up = true;
	bus->epoch = epoch;
	bus->enumerate = true;
	bitmap_zero(bus->added, HAWSER_DEVICES);
	bitmap_zero(bus->removed, HAWSER_DEVICES);
	spin_unlock_irq(&bus->lock);
	mod_delayed_work(bus->protocol, &bus->sync, 0);
}
EXPORT_SYMBOL_GPL(hawser_bus_up);

/* Under the bus's lock: no answer will come. */
static void end_asks(struct hawser_bus *bus, int result)
{
	struct ask *ask, *next;

	list_for_each_entry_safe(ask, next, &bus->asked, node) {
		list_del_init(&ask->node);
		ask->result = result;
		complete(&ask->done);
	}
}

void hawser_bus_down(struct hawser_link *link)
{
	struct hawser_bus *bus = link->bus;
	unsigned int number;

	spin_lock_irq(&bus->lock);
	bus->up = false;
	bus->epoch = 0;
	end_asks(bus, -ENOTCONN);
	spin_unlock_irq(&bus->lock);

	mutex_lock(&bus->vdevs_lock);
	for (number = 0; number < HAWSER_DEVICES; number++) {
		if (bus->vdevs[number])
			hawser_vdev_down(bus->vdevs[number]);
	}
	mutex_unlock(&bus->vdevs_lock);
	hawser_graves_clear(bus);
	smp_mb();	/* down, then look; who leaves looks the other way */
	if (READ_ONCE(bus->leaving))
		mod_delayed_work(system_unbound_wq, &bus->abandon, 0);
}
EXPORT_SYMBOL_GPL(hawser_bus_down);

unsigned int hawser_bus_devices_in_use(struct hawser_link *link)
{
	struct hawser_bus *bus = link->bus;
	unsigned int number, count = 0;

	if (!bus)
		return 0;
	mutex_lock(&bus->vdevs_lock);
	for (number = 0; number < HAWSER_DEVICES; number++) {
		struct hawser_vdev *v = bus->vdevs[number];

		count += v && (READ_ONCE(v->status) & VIRTIO_CONFIG_S_DRIVER);
	}
	mutex_unlock(&bus->vdevs_lock);
	return count;
}
EXPORT_SYMBOL_GPL(hawser_bus_devices_in_use);

/*
 * What drivers wait for ends now, with errors; so do conversations, which hold
 * up @protocol, so this is not done there.
 */
static void abandon(struct work_struct *work)
{
	struct hawser_bus *bus = container_of(to_delayed_work(work),
					      struct hawser_bus, abandon);
	unsigned int number;

	spin_lock_irq(&bus->lock);
	WRITE_ONCE(bus->abandoned, true);
	end_asks(bus, -ESHUTDOWN);
	spin_unlock_irq(&bus->lock);
	mutex_lock(&bus->vdevs_lock);
	for (number = 0; number < HAWSER_DEVICES; number++) {
		if (bus->vdevs[number])
			hawser_vdev_gone(bus->vdevs[number]);
	}
	mutex_unlock(&bus->vdevs_lock);
}

static void bus_release(struct device *dev)
{
	struct hawser_bus *bus = container_of(dev, struct hawser_bus, dev);

	ida_free(&bus_ids, bus->id);
	kfree(bus);
	module_put(THIS_MODULE);
}

#ifdef CONFIG_PM_SLEEP
/* Of the devices with lower numbers; the last one's error. */
static int thaw(struct hawser_bus *bus, unsigned int end)
{
	unsigned int number;
	int ret = 0;

	for (number = 0; number < end; number++) {
		if (bus->vdevs[number])
			ret = hawser_vdev_restore(bus->vdevs[number]) ?: ret;
	}
	bus->suspended = false;
	queue_delayed_work(bus->plugging, &bus->plug, 0);
	return ret;
}

/*
 * After the drivers of what hangs below, before the carrier. Nobody could end
 * a wait for a peer that is away, so none is begun.
 */
static int bus_suspend(struct device *dev)
{
	struct hawser_bus *bus = container_of(dev, struct hawser_bus, dev);
	unsigned long limit = jiffies + msecs_to_jiffies(SUSPEND_MS);
	unsigned int number;
	int ret = 0;

	/* A driver that begins may wait for the peer, too. */
	while (!mutex_trylock(&bus->plug_lock)) {
		if (time_after(jiffies, limit))
			return -EBUSY;
		usleep_range(1000, 3000);
	}
	bus->suspended = true;
	for (number = 0; number < HAWSER_DEVICES; number++) {
		if (!bus->vdevs[number])
			continue;
		ret = hawser_vdev_freeze(bus->vdevs[number], limit);
		if (ret) {
			thaw(bus, number);
			break;
		}
	}
	mutex_unlock(&bus->plug_lock);
	return ret;
}

static int bus_resume(struct device *dev)
{
	struct hawser_bus *bus = container_of(dev, struct hawser_bus, dev);
	int ret;

	mutex_lock(&bus->plug_lock);
	ret = thaw(bus, HAWSER_DEVICES);
	mutex_unlock(&bus->plug_lock);
	return ret;
}
#endif

static const struct dev_pm_ops bus_pm = {
	SET_SYSTEM_SLEEP_PM_OPS(bus_suspend, bus_resume)
};

static const struct device_type bus_type = {
	.name = "hawser-bus",
	.release = bus_release,
	.pm = &bus_pm,
};

int hawser_bus_attach(struct hawser_link *link)
{
	struct hawser_bus *bus;
	unsigned int mark;
	int ret;

	if (!link->region && !link->path)
		return -EOPNOTSUPP;
	bus = kzalloc(sizeof(*bus), GFP_KERNEL);
	if (!bus)
		return -ENOMEM;
	bus->id = ida_alloc(&bus_ids, GFP_KERNEL);
	if (bus->id < 0) {
		ret = bus->id;
		kfree(bus);
		return ret;
	}
	bus->link = link;
	spin_lock_init(&bus->lock);
	spin_lock_init(&bus->marks_lock);
	mutex_init(&bus->plug_lock);
	mutex_init(&bus->vdevs_lock);
	INIT_LIST_HEAD(&bus->asked);
	INIT_LIST_HEAD(&bus->graves);
	INIT_DELAYED_WORK(&bus->sync, sync_devices);
	bus->plugged = jiffies - msecs_to_jiffies(PLUG_PAUSE_MS);
	INIT_DELAYED_WORK(&bus->plug, plug);
	INIT_DELAYED_WORK(&bus->end_probe, end_probe);
	INIT_DELAYED_WORK(&bus->abandon, abandon);
	tasklet_setup(&bus->feed, feed);
	for (mark = 0; mark < HAWSER_MARKS; mark++)
		INIT_LIST_HEAD(&bus->by_mark[mark]);

	__module_get(THIS_MODULE);
	device_initialize(&bus->dev);
	bus->dev.parent = link->dev;
	bus->dev.type = &bus_type;
	bus->dev.groups = hawser_bus_groups;
	hawser_dma_setup(bus);
	ret = dev_set_name(&bus->dev, "hawser-bus%d", bus->id);
	if (ret)
		goto put;
	ret = link->region ? hawser_arena_open(bus) : 0;
	if (ret)
		goto put;
	/* Memory may be needed to write memory to disk: a rescuer each. */
	bus->protocol = alloc_ordered_workqueue("hawser-sync%d", WQ_MEM_RECLAIM,
						bus->id);
	bus->plugging = alloc_ordered_workqueue("hawser-plug%d", 0, bus->id);
	ret = -ENOMEM;
	if (!bus->protocol || !bus->plugging)
		goto destroy;
	ret = device_add(&bus->dev);
	if (ret)
		goto destroy;
	link->bus = bus;
	return 0;

destroy:
	if (bus->plugging)
		destroy_workqueue(bus->plugging);
	if (bus->protocol)
		destroy_workqueue(bus->protocol);
	hawser_arena_close(bus);
put:
	put_device(&bus->dev);
	return ret;
}
EXPORT_SYMBOL_GPL(hawser_bus_attach);

void hawser_bus_unplug(struct hawser_link *link)
{
	struct hawser_bus *bus = link->bus;
	unsigned int number;

	if (!bus)
		return;
	WRITE_ONCE(bus->leaving, true);
	smp_mb();	/* pairs with the one in hawser_bus_down() */
	if (hawser_bus_is_up(bus))
		mod_delayed_work(system_unbound_wq, &bus->abandon,
				 msecs_to_jiffies(LEAVE_MS));
	else
		abandon(&bus->abandon.work);
	mutex_lock(&bus->plug_lock);
	for (number = 0; number < HAWSER_DEVICES; number++)
		unplug(bus, number);
	mutex_unlock(&bus->plug_lock);
	cancel_delayed_work_sync(&bus->abandon);
}
EXPORT_SYMBOL_GPL(hawser_bus_unplug);

void hawser_bus_detach(struct hawser_link *link)
{
	struct hawser_bus *bus = link->bus;

	if (!bus)
		return;
	hawser_bus_unplug(link);
	hawser_bus_down(link);
	cancel_delayed_work_sync(&bus->abandon);
	cancel_delayed_work_sync(&bus->sync);
	cancel_delayed_work_sync(&bus->plug);
	destroy_workqueue(bus->protocol);
	destroy_workqueue(bus->plugging);
	synchronize_rcu();
	tasklet_kill(&bus->feed);
	hawser_arena_close(bus);
	link->bus = NULL;
	device_unregister(&bus->dev);
}
EXPORT_SYMBOL_GPL(hawser_bus_detach);

MODULE_AUTHOR("The Hawser authors");
MODULE_DESCRIPTION("Virtio devices of another guest: virtio-msg bus and queues");
MODULE_LICENSE("Dual MIT/GPL");
