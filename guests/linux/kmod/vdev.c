// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * One virtio device: what the driver asked for is kept here, and the peer's
 * device is made like it, at once or when there is a peer (again). So a driver
 * never waits for a peer that is not there, except for what it asked in its
 * queues; and a device comes back under a driver that did not notice.
 *
 * The configuration space is read from a copy that no peer can change halfway
 * through. It is refreshed before the driver is told of a change.
 */

#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_console.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>

#include "bus.h"
#include "relay.h"

/* A device has so long to end its reset. */
#define RESET_MS 5000
/* Reading the configuration while the peer changes it. */
#define CONFIG_ATTEMPTS 4
/* Between two announced changes of it: drivers log them, and tell user space. */
#define CONFIG_PAUSE_MS 200
/* Ring sizes: of the driver's ring, and of the one at the peer. */
#define LOCAL_RING 256
#define PEER_RING 1024
/* What devices of the first text can send, whatever the link carries. */
#define V1_MESSAGE 48
/* Segments of a request to a disk, and what the kernel takes for the least. */
#define BLK_SEGMENTS 126
#define BLK_PAGE ((u32)PAGE_SIZE)

#define HEADER sizeof(struct hawser_msg_header)

/* --- what is offered to the driver --------------------------------------- */

/*
 * The ring's features are agreed hop by hop. Of a device's own features those
 * are left out whose state in the device could not be brought back, or whose
 * drivers spin until the peer answers.
 */
static u64 withheld(u32 device_id)
{
	switch (device_id) {
	case VIRTIO_ID_NET:
		/* The control queue, and what is done by it. */
		return BIT_ULL(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) |
		       BIT_ULL(VIRTIO_NET_F_CTRL_VQ) |
		       BIT_ULL(VIRTIO_NET_F_CTRL_RX) |
		       BIT_ULL(VIRTIO_NET_F_CTRL_VLAN) |
		       BIT_ULL(VIRTIO_NET_F_CTRL_RX_EXTRA) |
		       BIT_ULL(VIRTIO_NET_F_GUEST_ANNOUNCE) |
		       BIT_ULL(VIRTIO_NET_F_MQ) |
		       BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR) |
		       BIT_ULL(52) | BIT_ULL(53) |	/* coalescing */
		       BIT_ULL(VIRTIO_NET_F_HASH_REPORT) |
		       BIT_ULL(VIRTIO_NET_F_RSS) |
		       BIT_ULL(VIRTIO_NET_F_STANDBY);
	case VIRTIO_ID_CONSOLE:
		return BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT) |
		       BIT_ULL(VIRTIO_CONSOLE_F_EMERG_WRITE);
	default:
		return 0;
	}
}

/* All that is about rings and transports, reserved bits included. */
#define TRANSPORT_BITS GENMASK_ULL(49, VIRTIO_TRANSPORT_F_START)

/* Where the link bounds requests, a disk says so whatever the peer says. */
static u64 added(const struct hawser_vdev *v)
{
	if (v->device_id != VIRTIO_ID_BLOCK || !v->bus->link->longest)
		return 0;
	return BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX);
}

static u64 offer(const struct hawser_vdev *v)
{
	return (v->offered & ~TRANSPORT_BITS & ~withheld(v->device_id)) |
	       added(v) |
	       BIT_ULL(VIRTIO_F_VERSION_1) |
	       BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
	       BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | hawser_dma_features();
}

/* What the peer is told that we accept, for what the driver accepted. */
static u64 accept(const struct hawser_vdev *v)
{
	return (v->vdev.features & ~TRANSPORT_BITS & ~(added(v) & ~v->offered)) |
	       (v->offered & (BIT_ULL(VIRTIO_F_VERSION_1) |
			      BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |
			      BIT_ULL(VIRTIO_RING_F_EVENT_IDX)));
}

/* --- conversations; v->lock is held -------------------------------------- */

/* What is allocated must not wait for a disk that waits for just this. */
static void begin(struct hawser_vdev *v)
{
	mutex_lock(&v->lock);
	v->noio = memalloc_noio_save();
	v->until = jiffies + msecs_to_jiffies(HAWSER_CONVERSATION_MS);
}

static void end(struct hawser_vdev *v)
{
	memalloc_noio_restore(v->noio);
	mutex_unlock(&v->lock);
}

static int ask(struct hawser_vdev *v, u8 id, const void *payload, size_t bytes,
	       void *said, size_t room)
{
	return hawser_bus_ask(v->bus, v->number, 0, id, payload, bytes, said,
			      room, v->until);
}

/* The same for an answer of a fixed size. */
static int ask_exactly(struct hawser_vdev *v, u8 id, const void *payload,
		       size_t bytes, void *said, size_t room)
{
	int got = ask(v, id, payload, bytes, said, room);

	if (got < 0)
		return got;
	return got < (int)room ? -EPROTO : 0;
}

static size_t room_behind(const struct hawser_vdev *v, size_t fixed)
{
	size_t most = min_t(size_t, v->bus->link->mtu, VIRTIO_MSG_MAX_MESSAGE);

	if (v->wire == HAWSER_WIRE_V1)
		most = min_t(size_t, most, V1_MESSAGE);
	return most - HEADER - fixed;
}

static int ask_info(struct hawser_vdev *v, struct hawser_msg_device_info *info)
{
	struct hawser_msg_device_info_v1 *v1 = (void *)info;
	u16 admin_start, admin_count;
	int got = ask(v, VIRTIO_MSG_GET_DEVICE_INFO, NULL, 0, info,
		      sizeof(*info));
	__le32 bits, config, queues;

	if (got < 0)
		return got;
	v->wire = HAWSER_WIRE_V2;
	if (got == sizeof(*info))
		return 0;
	/* The first text's answer is shorter; msg_size tells, padded or not. */
	if (got < (int)sizeof(*v1))
		return -EPROTO;
	v->wire = HAWSER_WIRE_V1;
	bits = v1->num_feature_bits;
	config = v1->config_size;
	queues = v1->max_virtqueues;
	admin_start = le16_to_cpu(v1->admin_vq_start);
	admin_count = le16_to_cpu(v1->admin_vq_count);
	memset(info->uuid, 0, sizeof(info->uuid));
	info->num_feature_blocks = cpu_to_le32(le32_to_cpu(bits) / 32);
	info->config_size = config;
	info->max_virtqueues = queues;
	info->admin_vq_start = cpu_to_le32(admin_start);
	info->admin_vq_count = cpu_to_le32(admin_count);
	return 0;
}

static int ask_features(struct hawser_vdev *v, u32 blocks)
{
	struct hawser_msg_feature_blocks range = {
		.block_index = 0,
		.num_blocks = cpu_to_le32(min(blocks, 2u)),
	};
	struct {
		struct hawser_msg_feature_blocks range;
		__le32 block[2];
	} said = {};
	int got = ask(v, VIRTIO_MSG_GET_DEVICE_FEATURES, &range, sizeof(range),
		      &said, sizeof(said));

	if (got < 0)
		return got;
	if (got < (int)(sizeof(range) + 4 * min(blocks, 2u)) ||
	    said.range.block_index || said.range.num_blocks != range.num_blocks)
		return -EPROTO;
	v->offered = le32_to_cpu(said.block[0]);
	if (blocks > 1)
		v->offered |= (u64)le32_to_cpu(said.block[1]) << 32;
	return v->offered & BIT_ULL(VIRTIO_F_VERSION_1) ? 0 : -EPROTO;
}

static int tell_features(struct hawser_vdev *v, u64 features)
{
	struct {
		struct hawser_msg_feature_blocks range;
		__le32 block[2];
	} told = {
		.range.num_blocks = cpu_to_le32(2),
		.block[0] = cpu_to_le32(lower_32_bits(features)),
		.block[1] = cpu_to_le32(upper_32_bits(features)),
	};
	int got = ask(v, VIRTIO_MSG_SET_DRIVER_FEATURES, &told, sizeof(told),
		      NULL, 0);

	return min(got, 0);
}

static int tell_status(struct hawser_vdev *v, u32 status, u32 *now)
{
	struct hawser_msg_status told = { .status = cpu_to_le32(status) };
	struct hawser_msg_status said;
	int ret = ask_exactly(v, VIRTIO_MSG_SET_DEVICE_STATUS, &told,
			      sizeof(told), &said, sizeof(said));

	if (!ret)
		*now = le32_to_cpu(said.status);
	return ret;
}

/* 2.4.1: done when the device says 0. */
static int reset_peer(struct hawser_vdev *v)
{
	unsigned long until = jiffies + msecs_to_jiffies(RESET_MS);
	u32 status = 0;
	int ret = tell_status(v, 0, &status);

	while (!ret && status) {
		struct hawser_msg_status said;

		if (time_after(jiffies, until))
			return -ETIMEDOUT;
		usleep_range(1000, 3000);
		ret = ask_exactly(v, VIRTIO_MSG_GET_DEVICE_STATUS, NULL, 0,
				  &said, sizeof(said));
		if (!ret)
			status = le32_to_cpu(said.status);
	}
	return ret;
}

static int raise(struct hawser_vdev *v, u32 status, u32 bit)
{
	u32 now;
	int ret = tell_status(v, status | bit, &now);

	if (ret)
		return ret;
	return now & bit ? 0 : -EPROTO;
}

/* One piece of the configuration; -EAGAIN: of another generation. */
static int ask_config_piece(struct hawser_vdev *v, u32 at, u32 bytes, u8 *to,
			    u32 *generation)
{
	struct hawser_msg_config_range range = {
		.offset = cpu_to_le32(at),
		.length = cpu_to_le32(bytes),
	};
	struct {
		struct hawser_msg_config_data head;
		u8 data[VIRTIO_MSG_MAX_MESSAGE];
	} said;
	int got = ask(v, VIRTIO_MSG_GET_CONFIG, &range, sizeof(range), &said,
		      sizeof(said));

	if (got < 0)
		return got;
	if (got < (int)(sizeof(said.head) + bytes) ||
	    le32_to_cpu(said.head.offset) != at ||
	    le32_to_cpu(said.head.length) != bytes)
		return -EPROTO;
	if (at && *generation != le32_to_cpu(said.head.generation))
		return -EAGAIN;
	*generation = le32_to_cpu(said.head.generation);
	memcpy(to, said.data, bytes);
	return 0;
}

/*
 * Linux's driver makes requests of more than 1 MiB unless it is told what is
 * too long. Segments that lie together travel together, so their number is
 * bounded first.
 */
static void bound_requests(const struct hawser_vdev *v, u8 *config)
{
	struct virtio_blk_config *blk = (void *)config;
	u32 bytes = max_t(u32, v->bus->link->longest, 2 * BLK_PAGE) - BLK_PAGE;
	u32 segments = BLK_SEGMENTS;
	u32 size = U32_MAX;

	if (!added(v) || v->config_size < offsetofend(typeof(*blk), seg_max))
		return;
	if (v->offered & BIT_ULL(VIRTIO_BLK_F_SEG_MAX))
		segments = min(segments, __virtio32_to_cpu(true, blk->seg_max));
	if (v->offered & BIT_ULL(VIRTIO_BLK_F_SIZE_MAX))
		size = __virtio32_to_cpu(true, blk->size_max);
	segments = clamp(segments, 1u, bytes / BLK_PAGE);
	size = min(size, round_down(bytes / segments, BLK_PAGE));
	blk->seg_max = __cpu_to_virtio32(true, segments);
	blk->size_max = __cpu_to_virtio32(true, size);
}

/* Refreshes the copy. *changed: it says something else than before. */
static int ask_config(struct hawser_vdev *v, bool *changed)
{
	u32 generation = 0, at, bytes;
	int attempts = CONFIG_ATTEMPTS;
	u8 *fresh;
	int ret = 0;

	*changed = false;
	if (!v->config_size)
		return 0;
	fresh = kmalloc(v->config_size, GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	do {
		for (at = 0; at < v->config_size; at += bytes) {
			bytes = min_t(size_t, v->config_size - at,
				      room_behind(v, sizeof(struct
						hawser_msg_config_data)));
			ret = ask_config_piece(v, at, bytes, fresh + at,
					       &generation);
			if (ret)
				break;
		}
	} while (ret == -EAGAIN && --attempts);
	if (!ret) {
		bound_requests(v, fresh);
		spin_lock_irq(&v->config_lock);
		*changed = memcmp(v->config, fresh, v->config_size);
		memcpy(v->config, fresh, v->config_size);
		v->generation += *changed;
		spin_unlock_irq(&v->config_lock);
	}
	kfree(fresh);
	return ret;
}

static int tell_config(struct hawser_vdev *v, u32 at, const u8 *from, u32 bytes)
{
	struct {
		struct hawser_msg_config_data head;
		u8 data[VIRTIO_MSG_MAX_MESSAGE];
	} told, said;
	int attempts = CONFIG_ATTEMPTS;
	u32 generation = 0;
	int ret;

	if (bytes > room_behind(v, sizeof(told.head)))
		return -EMSGSIZE;
	if (v->wire == HAWSER_WIRE_V1) {	/* it insists on the latest */
		u8 ignored;

		ret = ask_config_piece(v, at, 1, &ignored, &generation);
		if (ret && ret != -EAGAIN)
			return ret;
	}
	do {
		told.head.generation = cpu_to_le32(generation);
		told.head.offset = cpu_to_le32(at);
		told.head.length = cpu_to_le32(bytes);
		memcpy(told.data, from, bytes);
		ret = ask(v, VIRTIO_MSG_SET_CONFIG, &told,
			  sizeof(told.head) + bytes, &said, sizeof(said));
		if (ret < 0)
			return ret;
		if (ret < (int)sizeof(said.head))
			return -EPROTO;
		if (said.head.length)
			return 0;
		generation = le32_to_cpu(said.head.generation);
	} while (v->wire == HAWSER_WIRE_V1 && --attempts);
	return -EINVAL;
}

static int ask_queue(struct hawser_vdev *v, u32 index,
		     struct hawser_msg_vqueue_state *state)
{
	struct hawser_msg_vqueue_index asked = { .index = cpu_to_le32(index) };
	int ret = ask_exactly(v, VIRTIO_MSG_GET_VQUEUE, &asked, sizeof(asked),
			      state, sizeof(*state));

	if (!ret && state->index != asked.index)
		return -EPROTO;
	return ret;
}

static int tell_queue(struct hawser_vdev *v, struct hawser_queue *q)
{
	struct hawser_path *path = &q->path;
	unsigned long base = (unsigned long)v->bus->link->region;
	struct hawser_msg_vqueue_setup setup = {
		.index = cpu_to_le32(q->index),
		.flags = cpu_to_le32(v->wire == HAWSER_WIRE_V2 ?
				     VIRTIO_MSG_VQUEUE_OP_ENABLE : 0),
		.size = cpu_to_le32(path->num),
		.descriptors = cpu_to_le64((unsigned long)path->desc - base),
		.driver = cpu_to_le64((unsigned long)path->avail - base),
		.device = cpu_to_le64((unsigned long)path->used - base),
	};
	struct hawser_msg_vqueue_state state;
	int ret;

	if (!v->bus->link->region) {	/* each side has a ring of its own */
		setup.descriptors = 0;
		setup.driver = 0;
		setup.device = 0;
	}
	ret = ask(v, VIRTIO_MSG_SET_VQUEUE, &setup, sizeof(setup), NULL, 0);

	if (ret < 0)
		return ret;
	/* Reading it back is the only way to learn of a refusal. */
	ret = ask_queue(v, q->index, &state);
	if (ret)
		return ret;
	if (v->bus->link->region &&
	    (state.descriptors != setup.descriptors ||
	     state.driver != setup.driver || state.device != setup.device))
		return -EPROTO;
	if (v->wire == HAWSER_WIRE_V2 &&
	    !(le32_to_cpu(state.flags) & VIRTIO_MSG_VQUEUE_ENABLED))
		return -EPROTO;
	return 0;
}

/* --- steps of 3.1.1; v->lock is held -------------------------------------- */

/*
 * Whose drivers expect no more of a device than Hawser checks. Others take it
 * for the hypervisor: virtio_balloon gives it all memory that it asks for,
 * virtio_mem takes physical addresses from it, virtio_input keys.
 */
static unsigned int types[16] = {
	VIRTIO_ID_NET,
	VIRTIO_ID_BLOCK,
	VIRTIO_ID_CONSOLE,
	VIRTIO_ID_RNG,
};

static unsigned int type_count = 4;
module_param_array(types, uint, &type_count, 0444);
MODULE_PARM_DESC(types, "types of devices that a peer may have, by their numbers in VIRTIO; 1,2,3,4: network, block, console, entropy");

static bool let_in(u32 type)
{
	unsigned int n;

	for (n = 0; n < type_count; n++) {
		if (types[n] == type)
			return true;
	}
	return false;
}

/* All that is known of a device before a driver looks at it. */
static int learn(struct hawser_vdev *v)
{
	struct hawser_msg_device_info info;
	u32 n;
	int ret = ask_info(v, &info);

	if (ret)
		return ret;
	if (v->config && (v->device_id != le32_to_cpu(info.device_id) ||
			  v->config_size != le32_to_cpu(info.config_size)))
		return -ENODEV;
	v->device_id = le32_to_cpu(info.device_id);
	v->vendor_id = le32_to_cpu(info.vendor_id);
	v->config_size = le32_to_cpu(info.config_size);
	v->max_queues = min_t(u32, le32_to_cpu(info.max_virtqueues),
			      HAWSER_QUEUES);
	if (!v->device_id)
		return -ENODEV;
	if (!let_in(v->device_id)) {
		dev_warn_ratelimited(&v->bus->dev,
				     "device %u: devices of type %u are not let in (parameter types of hawser)\n",
				     v->number, v->device_id);
		return -EPERM;
	}
	if (v->config_size > HAWSER_CONFIG_MAX)
		return -EPROTO;
	if (!v->config) {
		v->config = kzalloc(v->config_size + 1, GFP_KERNEL);
		v->written = kzalloc(v->config_size + 1, GFP_KERNEL);
		if (!v->config || !v->written)
			return -ENOMEM;
	}
	ret = ask_features(v, le32_to_cpu(info.num_feature_blocks));
	if (ret)
		return ret;
	for (n = 0; n < v->max_queues; n++) {
		struct hawser_msg_vqueue_state state;
		u32 size;

		ret = ask_queue(v, n, &state);
		if (ret)
			return ret;
		size = min_t(u32, le32_to_cpu(state.max_size), PEER_RING);
		v->queue_max[n] = size ? rounddown_pow_of_two(size) : 0;
	}
	return 0;
}

/* Up to FEATURES_OK. -EPROTO: it does not take these features. */
static int negotiate(struct hawser_vdev *v)
{
	u64 features = accept(v);
	u32 at, bytes;
	int ret;

	if ((features & v->offered) != features)
		return -EPROTO;
	ret = reset_peer(v);
	ret = ret ?: raise(v, 0, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ret = ret ?: raise(v, VIRTIO_CONFIG_S_ACKNOWLEDGE,
			   VIRTIO_CONFIG_S_DRIVER);
	ret = ret ?: tell_features(v, features);
	ret = ret ?: raise(v, VIRTIO_CONFIG_S_ACKNOWLEDGE |
			   VIRTIO_CONFIG_S_DRIVER, VIRTIO_CONFIG_S_FEATURES_OK);
	/* What the driver has set is set again in a device that is new. */
	for (at = 0; !ret && at < v->config_size; at += bytes) {
		bytes = 1;
		if (!v->written[at])
			continue;
		while (at + bytes < v->config_size && v->written[at + bytes] &&
		       bytes < 8)
			bytes++;
		ret = tell_config(v, at, v->config + at, bytes);
		if (ret == -EINVAL)
			ret = 0;
	}
	return ret;
}

static void stop_queues(struct hawser_vdev *v)
{
	unsigned int n;

	for (n = 0; n < HAWSER_QUEUES; n++) {
		if (v->queues[n])
			hawser_queue_stop(v->queues[n]);
	}
}

/* From FEATURES_OK to a device that works. */
static int start(struct hawser_vdev *v)
{
	u32 status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		     VIRTIO_CONFIG_S_FEATURES_OK;
	bool event_idx = accept(v) & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	unsigned int n;
	int ret;

	for (n = 0; n < HAWSER_QUEUES; n++) {
		struct hawser_queue *q = v->queues[n];

		if (!q)
			continue;
		if (!v->queue_max[n])
			return -EPROTO;
		ret = hawser_path_open(q, min_t(u32, v->queue_max[n],
						2 * q->ring.num), event_idx);
		if (!ret)
			ret = tell_queue(v, q);
		if (ret)
			return ret;
	}
	ret = raise(v, status, VIRTIO_CONFIG_S_DRIVER_OK);
	if (ret)
		return ret;
	for (n = 0; n < HAWSER_QUEUES; n++) {
		if (v->queues[n])
			hawser_queue_start(v->queues[n]);
	}
	return 0;
}

/* A conversation failed. What does not come by the link's end is a fault. */
static int judge(struct hawser_vdev *v, int ret, const char *what)
{
	if (ret && ret != -ENOTCONN && ret != -ESHUTDOWN &&
	    hawser_bus_is_up(v->bus))
		hawser_vdev_break(v, what);
	return ret;
}

/* --- the peer comes and goes ---------------------------------------------- */

void hawser_vdev_sync(struct hawser_vdev *v, u32 epoch)
{
	bool changed = false, registered;
	int ret = 0;

	begin(v);
	if (v->gone || v->broken)
		goto out;
	if (v->epoch == epoch) {
		if (v->stale_config) {
			v->stale_config = false;
			WRITE_ONCE(v->config_read, jiffies);
			judge(v, ask_config(v, &changed),
			      "it does not tell its configuration");
		}
		goto out;
	}
	stop_queues(v);
	ret = learn(v);
	if (ret == -ENODEV) {
		v->gone = true;
		goto out;
	}
	/* First what the driver wrote, from the copy; then the copy anew. */
	if (!ret && (v->status & VIRTIO_CONFIG_S_FEATURES_OK))
		ret = negotiate(v);
	ret = ret ?: ask_config(v, &changed);
	if (!ret && (v->status & VIRTIO_CONFIG_S_DRIVER_OK))
		ret = start(v);
	if (!judge(v, ret, "it came back, but cannot take over"))
		v->epoch = epoch;
out:
	registered = changed && v->registered;
	if (changed && !v->registered)
		v->changed_early = true;
	end(v);
	if (v->gone)
		hawser_vdev_gone(v);
	if (registered)
		virtio_config_changed(&v->vdev);
}

void hawser_vdev_down(struct hawser_vdev *v)
{
	unsigned int n;

	mutex_lock(&v->lock);
	v->epoch = 0;
	stop_queues(v);
	for (n = 0; n < HAWSER_QUEUES; n++) {
		if (v->queues[n])
			hawser_path_close(v->queues[n]);
	}
	mutex_unlock(&v->lock);
}

void hawser_vdev_event_config(struct hawser_vdev *v, u32 status)
{
	unsigned long next = READ_ONCE(v->config_read) +
			     msecs_to_jiffies(CONFIG_PAUSE_MS);

	if ((status & VIRTIO_CONFIG_S_NEEDS_RESET) &&
	    (v->status & VIRTIO_CONFIG_S_DRIVER_OK))
		hawser_vdev_break(v, "it says that it needs a reset");
	WRITE_ONCE(v->stale_config, true);
	queue_delayed_work(v->bus->protocol, &v->bus->sync,
			   time_before(jiffies, next) ? next - jiffies : 0);
}

static void kill_queues(struct hawser_vdev *v)
{
	unsigned int n;

	rcu_read_lock();
	for (n = 0; n < HAWSER_QUEUES; n++) {
		struct hawser_queue *q = READ_ONCE(v->queues[n]);

		if (q)
			hawser_queue_kill(q);
	}
	rcu_read_unlock();
}

void hawser_vdev_break(struct hawser_vdev *v, const char *why)
{
	if (xchg(&v->broken, true))
		return;
	dev_err_ratelimited(&v->bus->dev, "device %u is broken: %s\n",
			    v->number, why);
	kill_queues(v);
}

void hawser_vdev_gone(struct hawser_vdev *v)
{
	WRITE_ONCE(v->gone, true);
	smp_mb();	/* pairs with the one in add_queue() */
	kill_queues(v);
}

/* --- what the driver asks for --------------------------------------------- */

static void op_get(struct virtio_device *vdev, unsigned int offset, void *buf,
		   unsigned int len)
{
	struct hawser_vdev *v = to_hawser(vdev);
	unsigned long flags;

	memset(buf, 0, len);
	if (offset > v->config_size || len > v->config_size - offset)
		return;
	spin_lock_irqsave(&v->config_lock, flags);
	memcpy(buf, v->config + offset, len);
	spin_unlock_irqrestore(&v->config_lock, flags);
}

static void op_set(struct virtio_device *vdev, unsigned int offset,
		   const void *buf, unsigned int len)
{
	struct hawser_vdev *v = to_hawser(vdev);
	bool changed;
	int ret = 0;

	if (offset > v->config_size || len > v->config_size - offset)
		return;
	begin(v);
	spin_lock_irq(&v->config_lock);
	memcpy(v->config + offset, buf, len);
	memset(v->written + offset, 1, len);
	v->generation++;
	spin_unlock_irq(&v->config_lock);
	if (v->epoch && !v->broken) {
		ret = tell_config(v, offset, buf, len);
		/* A refusal is seen by who reads it back. */
		if (!ret || ret == -EINVAL)
			ret = ask_config(v, &changed);
		judge(v, ret, "it does not take its configuration");
	}
	end(v);
}

static u32 op_generation(struct virtio_device *vdev)
{
	return READ_ONCE(to_hawser(vdev)->generation);
}

static u8 op_get_status(struct virtio_device *vdev)
{
	struct hawser_vdev *v = to_hawser(vdev);

	return v->status | (v->broken && v->status ?
			    VIRTIO_CONFIG_S_NEEDS_RESET : 0);
}

static void op_set_status(struct virtio_device *vdev, u8 status)
{
	struct hawser_vdev *v = to_hawser(vdev);
	u8 added = status & ~v->status;
	bool changed;
	int ret = 0;

	begin(v);
	v->status = status & ~VIRTIO_CONFIG_S_NEEDS_RESET;
	if (!v->epoch || v->broken)
		goto out;	/* later, or never */
	if (added & VIRTIO_CONFIG_S_FEATURES_OK) {
		ret = negotiate(v);
		if (ret == -EPROTO) {
			v->status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
			goto out;
		}
		/* Features may make it say more. */
		ret = ret ?: ask_config(v, &changed);
	}
	if (!ret && (added & VIRTIO_CONFIG_S_DRIVER_OK))
		ret = start(v);
	if (added & VIRTIO_CONFIG_S_FAILED) {
		u32 ignored;

		tell_status(v, VIRTIO_CONFIG_S_FAILED, &ignored);
	}
	judge(v, ret, "it cannot be started");
	/* So that no driver begins with a device that is no use. */
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) && READ_ONCE(v->broken))
		v->status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
out:
	end(v);
}

static void op_reset(struct virtio_device *vdev)
{
	struct hawser_vdev *v = to_hawser(vdev);
	unsigned int n;
	bool unknown;
	int ret = 0;
	u32 epoch;

	begin(v);
	for (n = 0; n < HAWSER_QUEUES; n++) {
		if (v->queues[n])
			hawser_queue_forget(v->queues[n]);
	}
	/* No callback is under way any more, and none will come. */
	synchronize_rcu();
	for (n = 0; n < HAWSER_QUEUES; n++) {
		if (v->queues[n])
			tasklet_unlock_wait(&v->queues[n]->bh);
	}
	/* A device that the peer has taken away is not asked. */
	if (v->epoch && (v->status || v->broken) &&
	    (!v->gone || READ_ONCE(v->kept) ||
	     READ_ONCE(v->bus->abandoned))) {
		ret = reset_peer(v);
		if (ret == -ENOTCONN)
			ret = 0;
	}
	for (n = 0; n < HAWSER_QUEUES; n++) {
		if (!v->queues[n])
			continue;
		if (ret)
			hawser_path_bury(v->queues[n]);
		else
			hawser_path_close(v->queues[n]);
	}
	v->status = 0;
	/* What came up while it was broken has not been told of it. */
	unknown = v->broken && !v->epoch;
	v->broken = false;
	if (v->written)
		memset(v->written, 0, v->config_size);
	end(v);
	epoch = READ_ONCE(v->bus->epoch);
	if (unknown && epoch) {	/* the driver asks next what it offers */
		hawser_vdev_sync(v, epoch);
		/* It may be another one now. */
		queue_delayed_work(v->bus->plugging, &v->bus->plug, 0);
	}
	if (ret)
		dev_err_ratelimited(&vdev->dev, "does not end its reset (%d)\n",
				    ret);
}

static u64 op_get_features(struct virtio_device *vdev)
{
	return offer(to_hawser(vdev));
}

static int op_finalize_features(struct virtio_device *vdev)
{
	vring_transport_features(vdev);
	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1))
		return -EINVAL;
	/* Of the transport's own only what was offered. */
	vdev->features &= offer(to_hawser(vdev));
	return 0;
}

static void add_queue(struct hawser_vdev *v, struct hawser_queue *q)
{
	struct hawser_bus *bus = v->bus;
	unsigned int mark = hawser_mark_of(v->number, q->index);

	WRITE_ONCE(v->queues[q->index], q);
	spin_lock_irq(&bus->marks_lock);
	list_add_rcu(&q->mark_node, &bus->by_mark[mark]);
	spin_unlock_irq(&bus->marks_lock);
	smp_mb();	/* add, then look; who ends the device kills afterwards */
	if (READ_ONCE(v->gone) || READ_ONCE(v->broken))
		hawser_queue_kill(q);
}

static void op_del_vqs(struct virtio_device *vdev)
{
	struct hawser_vdev *v = to_hawser(vdev);
	struct hawser_queue *old[HAWSER_QUEUES];
	unsigned int n;

	mutex_lock(&v->lock);
	spin_lock_irq(&v->bus->marks_lock);
	for (n = 0; n < HAWSER_QUEUES; n++) {
		old[n] = v->queues[n];
		WRITE_ONCE(v->queues[n], NULL);
		if (old[n])
			list_del_rcu(&old[n]->mark_node);
	}
	spin_unlock_irq(&v->bus->marks_lock);
	mutex_unlock(&v->lock);
	synchronize_rcu();
	for (n = 0; n < HAWSER_QUEUES; n++) {
		if (old[n])
			hawser_queue_free(old[n]);
	}
}

static int find_one(struct hawser_vdev *v, unsigned int index,
		    vq_callback_t *callback, const char *name, bool context,
		    struct virtqueue **vq)
{
	struct hawser_queue *q;
	u16 num;

	if (index >= v->max_queues || !v->queue_max[index])
		return -ENOENT;
	num = min_t(u16, v->queue_max[index], LOCAL_RING);
	q = hawser_queue_new(v, index, num, context, callback, name);
	if (IS_ERR(q))
		return PTR_ERR(q);
	add_queue(v, q);
	*vq = q->vq;
	return 0;
}

#ifdef HAWSER_VIRTQUEUE_INFO	/* Linux 6.11 */
static int op_find_vqs(struct virtio_device *vdev, unsigned int nvqs,
		       struct virtqueue *vqs[],
		       struct virtqueue_info infos[],
		       struct irq_affinity *affinity)
{
#define CALLBACK(n) infos[n].callback
#define NAME(n) infos[n].name
#define CONTEXT(n) infos[n].ctx
#else
static int op_find_vqs(struct virtio_device *vdev, unsigned int nvqs,
		       struct virtqueue *vqs[], vq_callback_t *callbacks[],
		       const char * const names[], const bool *contexts,
		       struct irq_affinity *affinity)
{
#define CALLBACK(n) callbacks[n]
#define NAME(n) names[n]
#define CONTEXT(n) (contexts && contexts[n])
#endif
	struct hawser_vdev *v = to_hawser(vdev);
	unsigned int n, index = 0;
	int ret;

	for (n = 0; n < nvqs; n++) {
		vqs[n] = NULL;
		if (!NAME(n))
			continue;
		ret = find_one(v, index++, CALLBACK(n), NAME(n), CONTEXT(n),
			       &vqs[n]);
		if (ret) {
			op_del_vqs(vdev);
			return ret;
		}
	}
	return 0;
}

static const char *op_bus_name(struct virtio_device *vdev)
{
	return dev_name(&to_hawser(vdev)->bus->dev);
}

static void op_synchronize_cbs(struct virtio_device *vdev)
{
	struct hawser_vdev *v = to_hawser(vdev);
	unsigned int n;

	synchronize_rcu();
	for (n = 0; n < HAWSER_QUEUES; n++) {
		if (v->queues[n])
			tasklet_unlock_wait(&v->queues[n]->bh);
	}
}

static const struct virtio_config_ops config_ops = {
	.get = op_get,
	.set = op_set,
	.generation = op_generation,
	.get_status = op_get_status,
	.set_status = op_set_status,
	.reset = op_reset,
	.find_vqs = op_find_vqs,
	.del_vqs = op_del_vqs,
	.synchronize_cbs = op_synchronize_cbs,
	.get_features = op_get_features,
	.finalize_features = op_finalize_features,
	.bus_name = op_bus_name,
};

/* --- life ----------------------------------------------------------------- */

static void vdev_free(struct kref *ref)
{
	struct hawser_vdev *v = container_of(ref, struct hawser_vdev, ref);

	kfree(v->config);
	kfree(v->written);
	kfree(v);
	module_put(THIS_MODULE);
}

void hawser_vdev_put(struct hawser_vdev *v)
{
	kref_put(&v->ref, vdev_free);
}

static void vdev_release(struct device *dev)
{
	hawser_vdev_put(to_hawser(dev_to_virtio(dev)));
}

struct hawser_vdev *hawser_vdev_open(struct hawser_bus *bus, u16 number)
{
	struct hawser_vdev *v;
	struct device *dev;
	bool changed;
	int ret;

	v = kzalloc(sizeof(*v), GFP_KERNEL);
	if (!v)
		return ERR_PTR(-ENOMEM);
	__module_get(THIS_MODULE);
	kref_init(&v->ref);
	v->bus = bus;
	v->number = number;
	v->config_read = jiffies - msecs_to_jiffies(CONFIG_PAUSE_MS);
	mutex_init(&v->lock);
	spin_lock_init(&v->config_lock);
	v->vdev.config = &config_ops;
	dev = &v->vdev.dev;
	dev->parent = &bus->dev;
	dev->release = vdev_release;
	begin(v);
	v->epoch = READ_ONCE(bus->epoch);
	ret = v->epoch ? learn(v) : -ENOTCONN;
	ret = ret ?: ask_config(v, &changed);
	end(v);
	if (ret) {
		hawser_vdev_put(v);
		return ERR_PTR(ret);
	}
	v->vdev.id.device = v->device_id;
	v->vdev.id.vendor = v->vendor_id;
	return v;
}

int hawser_vdev_register(struct hawser_vdev *v)
{
	int ret;

	/* What virtio holds until vdev_release(), also after a failure. */
	kref_get(&v->ref);
	ret = register_virtio_device(&v->vdev);
	if (ret) {
		put_device(&v->vdev.dev);
		dev_err_ratelimited(&v->bus->dev, "device %u: error %d\n",
				    v->number, ret);
		return ret;
	}
	mutex_lock(&v->lock);
	v->registered = true;
	mutex_unlock(&v->lock);
	if (v->changed_early)
		virtio_config_changed(&v->vdev);
	return 0;
}

void hawser_vdev_unregister(struct hawser_vdev *v)
{
	if (!v->registered)
		return;
	v->registered = false;
	unregister_virtio_device(&v->vdev);
}

#ifdef CONFIG_PM_SLEEP
/* All that the driver has asked for has come. */
static bool served(struct hawser_vdev *v)
{
	bool all = true;
	unsigned int n;

	rcu_read_lock();
	for (n = 0; n < HAWSER_QUEUES; n++) {
		struct hawser_queue *q = READ_ONCE(v->queues[n]);

		all = all && (!q || hawser_queue_served(q));
	}
	rcu_read_unlock();
	return all;
}

int hawser_vdev_freeze(struct hawser_vdev *v, unsigned long limit)
{
	if (!v->registered)
		return 0;
	/* A disk's driver would wait for its requests, for ever perhaps. */
	while (v->device_id == VIRTIO_ID_BLOCK && !served(v)) {
		if (time_after(jiffies, limit))
			return -EBUSY;
		usleep_range(1000, 3000);
	}
	return virtio_device_freeze(&v->vdev);
}

int hawser_vdev_restore(struct hawser_vdev *v)
{
	return v->registered ? virtio_device_restore(&v->vdev) : 0;
}
#endif
