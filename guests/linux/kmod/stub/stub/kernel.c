// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

#include <stub/kernel.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdarg.h>

long stub_modules;
long stub_allocations;
long stub_fail_after = -1;
unsigned int stub_log_lines;
unsigned long stub_jiffies = 1000;
struct stub_driver stub_driver;
void (*stub_while_waiting)(void);

static u64 now_us = 1000000;
static struct list_head works = { &works, &works };
static struct list_head tasklets = { &tasklets, &tasklets };
static struct list_head timers = { &timers, &timers };

/* --- memory --- */

void *kcalloc(size_t n, size_t bytes, gfp_t gfp)
{
	if (!(gfp & __GFP_NOFAIL) && !stub_fail_after)
		return NULL;
	if (stub_fail_after > 0)
		stub_fail_after--;
	stub_allocations++;
	return calloc(n ? n : 1, bytes ? bytes : 1);
}

void *kzalloc(size_t bytes, gfp_t gfp)
{
	return kcalloc(1, bytes, gfp);
}

void kfree(const void *memory)
{
	stub_allocations -= memory != NULL;
	free((void *)memory);
}

/* One byte a unit; first fit. A unit given back twice ends the test. */
struct gen_pool {
	int order;
	unsigned long at;
	size_t units, used;
	u8 *map;
};

struct gen_pool *gen_pool_create(int order, int node)
{
	struct gen_pool *pool = kzalloc(sizeof(*pool), 0);

	(void)node;
	if (pool)
		pool->order = order;
	return pool;
}

int gen_pool_add(struct gen_pool *pool, unsigned long at, size_t bytes, int node)
{
	(void)node;
	pool->at = at;
	pool->units = bytes >> pool->order;
	pool->map = kcalloc(pool->units, 1, 0);
	return pool->map ? 0 : -ENOMEM;
}

void gen_pool_destroy(struct gen_pool *pool)
{
	if (pool->used)
		__builtin_trap();
	kfree(pool->map);
	kfree(pool);
}

unsigned long gen_pool_alloc(struct gen_pool *pool, size_t bytes)
{
	size_t want = (bytes + (1ul << pool->order) - 1) >> pool->order;
	size_t at, run = 0;

	for (at = 0; at < pool->units; at++) {
		run = pool->map[at] ? 0 : run + 1;
		if (run < want)
			continue;
		at -= want - 1;
		memset(pool->map + at, 1, want);
		pool->used += want;
		return pool->at + (at << pool->order);
	}
	return 0;
}

void gen_pool_free(struct gen_pool *pool, unsigned long at, size_t bytes)
{
	size_t count = (bytes + (1ul << pool->order) - 1) >> pool->order;
	size_t n = (at - pool->at) >> pool->order;

	pool->used -= count;
	while (count--) {
		if (n >= pool->units || !pool->map[n])
			__builtin_trap();
		pool->map[n++] = 0;
	}
}

size_t gen_pool_avail(struct gen_pool *pool)
{
	return (pool->units - pool->used) << pool->order;
}

size_t gen_pool_size(struct gen_pool *pool)
{
	return pool->units << pool->order;
}

/* --- time --- */

ktime_t ktime_get(void)
{
	return (s64)now_us * 1000;
}

void stub_pass_us(u64 us)
{
	struct timer_list *timer, *next;

	now_us += us;
	stub_jiffies = now_us / 1000;
	list_for_each_entry_safe(timer, next, &timers, node) {
		if (time_after(timer->expires, stub_jiffies))
			continue;
		list_del(&timer->node);
		timer->pending = false;
		timer->function(timer);
		next = list_entry(timers.next, struct timer_list, node);
	}
}

void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *),
		 unsigned int flags)
{
	(void)flags;
	INIT_LIST_HEAD(&timer->node);
	timer->pending = false;
	timer->function = function;
}

int mod_timer(struct timer_list *timer, unsigned long expires)
{
	list_del_init(&timer->node);
	list_add_tail(&timer->node, &timers);
	timer->pending = true;
	timer->expires = expires;
	return 0;
}

int timer_delete_sync(struct timer_list *timer)
{
	list_del_init(&timer->node);
	timer->pending = false;
	return 0;
}

/* --- what runs later --- */

void stub_work_init(struct work_struct *work, void (*function)(struct work_struct *))
{
	INIT_LIST_HEAD(&work->node);
	work->pending = false;
	work->function = function;
}

bool queue_work(struct workqueue_struct *queue, struct work_struct *work)
{
	(void)queue;
	if (work->pending)
		return false;
	work->pending = true;
	list_add_tail(&work->node, &works);
	return true;
}

bool cancel_work_sync(struct work_struct *work)
{
	list_del_init(&work->node);
	work->pending = false;
	return true;
}

bool flush_work(struct work_struct *work)
{
	if (!work->pending)
		return false;
	cancel_work_sync(work);
	work->function(work);
	return true;
}

static void delayed(struct timer_list *timer)
{
	queue_work(NULL, &container_of(timer, struct delayed_work, timer)->work);
}

void INIT_DELAYED_WORK(struct delayed_work *work, void (*function)(struct work_struct *))
{
	stub_work_init(&work->work, function);
	timer_setup(&work->timer, delayed, 0);
}

bool queue_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
			unsigned long delay)
{
	if (work->work.pending || timer_pending(&work->timer))
		return false;
	return mod_delayed_work(queue, work, delay);
}

bool mod_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
		      unsigned long delay)
{
	timer_delete_sync(&work->timer);
	if (!delay)
		return queue_work(queue, &work->work);
	return mod_timer(&work->timer, stub_jiffies + delay);
}

bool cancel_delayed_work_sync(struct delayed_work *work)
{
	timer_delete_sync(&work->timer);
	return cancel_work_sync(&work->work);
}

void tasklet_setup(struct tasklet_struct *tasklet,
		   void (*function)(struct tasklet_struct *))
{
	INIT_LIST_HEAD(&tasklet->node);
	tasklet->pending = false;
	tasklet->function = function;
}

void tasklet_schedule(struct tasklet_struct *tasklet)
{
	if (tasklet->pending)
		return;
	tasklet->pending = true;
	list_add_tail(&tasklet->node, &tasklets);
}

void tasklet_kill(struct tasklet_struct *tasklet)
{
	list_del_init(&tasklet->node);
	tasklet->pending = false;
}

bool stub_run_tasklets(void)
{
	bool ran = false;

	for (; !list_empty(&tasklets); ran = true) {
		struct tasklet_struct *tasklet = list_entry(tasklets.next,
					struct tasklet_struct, node);

		tasklet_kill(tasklet);
		tasklet->function(tasklet);
	}
	return ran;
}

bool stub_run(void)
{
	bool ran = stub_run_tasklets();

	for (; !list_empty(&works); ran = true) {
		struct work_struct *work = list_entry(works.next,
					struct work_struct, node);

		cancel_work_sync(work);
		work->function(work);
		stub_run_tasklets();
	}
	return ran;
}

unsigned long wait_for_completion_timeout(struct completion *c, unsigned long timeout)
{
	unsigned long ms;

	for (ms = 0; ms < timeout && !c->done; ms++) {
		if (stub_while_waiting)
			stub_while_waiting();
		if (!c->done)
			stub_pass_us(1000);
	}
	if (!c->done)
		return 0;
	c->done--;
	return timeout ? timeout : 1;
}

/* --- devices --- */

void device_initialize(struct device *dev)
{
	kref_init(&dev->ref);
}

int device_add(struct device *dev)
{
	(void)dev;
	return 0;
}

static void device_gone(struct kref *ref)
{
	struct device *dev = container_of(ref, struct device, ref);

	if (dev->release)
		dev->release(dev);
	else
		dev->type->release(dev);
}

void put_device(struct device *dev)
{
	kref_put(&dev->ref, device_gone);
}

void device_unregister(struct device *dev)
{
	put_device(dev);
}

int dev_set_name(struct device *dev, const char *format, ...)
{
	(void)dev;
	(void)format;
	return 0;
}

void stub_log(const char *format, ...)
{
	va_list arguments;

	stub_log_lines++;
	if (!getenv("STUB_LOG"))
		return;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
}

/* --- virtio --- */

struct stub_virtqueue {
	struct virtqueue vq;
	struct vring vring;
	void *memory;
	bool (*notify)(struct virtqueue *vq);
};

struct virtqueue *vring_create_virtqueue(unsigned int index, unsigned int num,
					 unsigned int align,
					 struct virtio_device *vdev, bool weak,
					 bool reduce, bool context,
					 bool (*notify)(struct virtqueue *),
					 vq_callback_t *callback,
					 const char *name)
{
	struct stub_virtqueue *q = kzalloc(sizeof(*q), 0);

	(void)weak;
	(void)reduce;
	(void)context;
	(void)name;
	if (!q)
		return NULL;
	q->memory = kzalloc(vring_size(num, align) + align, 0);
	if (!q->memory) {
		kfree(q);
		return NULL;
	}
	vring_init(&q->vring, num,
		   (void *)ALIGN((uintptr_t)q->memory, align), align);
	q->vq.vdev = vdev;
	q->vq.index = index;
	q->vq.callback = callback;
	q->notify = notify;
	return &q->vq;
}

void vring_del_virtqueue(struct virtqueue *vq)
{
	struct stub_virtqueue *q = container_of(vq, struct stub_virtqueue, vq);

	kfree(q->memory);
	kfree(q);
}

const struct vring *virtqueue_get_vring(struct virtqueue *vq)
{
	return &container_of(vq, struct stub_virtqueue, vq)->vring;
}

bool virtqueue_notify(struct virtqueue *vq)
{
	return container_of(vq, struct stub_virtqueue, vq)->notify(vq);
}

int vring_interrupt(int irq, void *vq)
{
	(void)irq;
	if (((struct virtqueue *)vq)->callback)
		((struct virtqueue *)vq)->callback(vq);
	return 0;
}

void vring_transport_features(struct virtio_device *vdev)
{
	u64 known = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_EVENT_IDX) |
		    BIT(VIRTIO_RING_F_INDIRECT_DESC) |
		    BIT(VIRTIO_F_ACCESS_PLATFORM);

	vdev->features &= known | ~GENMASK_ULL(40, 28);
}

/* As virtio's bus does it: reset, acknowledge, then the driver. */
int register_virtio_device(struct virtio_device *vdev)
{
	device_initialize(&vdev->dev);
	vdev->config->reset(vdev);
	vdev->config->set_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	if (stub_driver.probe)
		stub_driver.probe(vdev);
	return 0;
}

void unregister_virtio_device(struct virtio_device *vdev)
{
	if (stub_driver.remove)
		stub_driver.remove(vdev);
	put_device(&vdev->dev);
}

void virtio_config_changed(struct virtio_device *vdev)
{
	if (stub_driver.config_changed)
		stub_driver.config_changed(vdev);
}

int virtio_device_freeze(struct virtio_device *vdev)
{
	if (stub_driver.remove)
		stub_driver.remove(vdev);
	return 0;
}

int virtio_device_restore(struct virtio_device *vdev)
{
	vdev->config->reset(vdev);
	vdev->config->set_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	if (stub_driver.probe)
		stub_driver.probe(vdev);
	return 0;
}
