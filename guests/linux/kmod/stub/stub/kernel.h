/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * What hawser.ko uses of the kernel, for one thread and a virtual clock: work
 * items, tasklets and timers wait until stub_run(); whoever sleeps moves the
 * clock. What has a header of its own beside this is not here.
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#ifndef __cplusplus
#include <linux/minmax.h>
#define clamp(x, low, high) min(max(x, low), high)
#define swap(a, b) do { __typeof__(a) t_ = (a); (a) = (b); (b) = t_; } while (0)
#define likely(x) (x)
#define unlikely(x) (x)
#endif
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>

#include <asm/barrier.h>
#include <asm/byteorder.h>
#include <endian.h>
#include <errno.h>
#include <linux/virtio_types.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONFIG_64BIT 1
#define CONFIG_PM_SLEEP 1
#define PAGE_SIZE 4096ul
#define SMP_CACHE_BYTES 64
#ifndef U32_MAX
#define U32_MAX UINT32_MAX
#endif
#define SZ_1G 0x40000000u
#define BIT(n) (1ul << (n))
#define BIT_ULL(n) (1ull << (n))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define GENMASK_ULL(h, l) ((~0ull << (l)) & (~0ull >> (63 - (h))))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define ALIGN(x, a) (((x) + (a) - 1) / (a) * (a))
#define IS_ALIGNED(x, a) ((x) % (a) == 0)
#define round_down(x, a) ((x) / (a) * (a))
#define offsetofend(type, member) \
	(offsetof(type, member) + sizeof(((type *)0)->member))
#define container_of(at, type, member) \
	((type *)((char *)(at) - offsetof(type, member)))
#define lower_32_bits(n) ((u32)(n))
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define cpu_relax() stub_pass_us(10)
#define xchg(at, value) __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST)
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_mb__after_atomic() smp_mb()
#define ERR_PTR(e) ((void *)(long)(e))
#define PTR_ERR(p) ((long)(p))
#define IS_ERR(p) ((unsigned long)(p) >= (unsigned long)-4095)
#define EXPORT_SYMBOL_GPL(name)
#define MODULE_AUTHOR(text)
#define MODULE_DESCRIPTION(text)
#define MODULE_LICENSE(text)
#define MODULE_PARM_DESC(name, text)
#define module_param_array(name, type, count, mode) enum { stub_param_##name }
#define THIS_MODULE NULL
#define __module_get(m) ((void)stub_modules++)
#define module_put(m) ((void)stub_modules--)
#define rounddown_pow_of_two(n) (1ul << (63 - __builtin_clzl(n)))
#define is_power_of_2(n) ((n) && !((n) & ((n) - 1)))
#define __ffs64(n) ((unsigned int)__builtin_ctzll(n))

extern long stub_modules;

/* --- for tests ------------------------------------------------------------ */

struct device;
struct virtio_device;
struct virtqueue;

/* What a driver does; by default nothing. */
struct stub_driver {
	void (*probe)(struct virtio_device *vdev);
	void (*remove)(struct virtio_device *vdev);
	void (*config_changed)(struct virtio_device *vdev);
};
extern struct stub_driver stub_driver;
/* Runs all that waits; false: nothing did. */
bool stub_run(void);
/* Of it, what work items can not hold up. */
bool stub_run_tasklets(void);
/* Time passes, timers end; nothing else runs. */
void stub_pass_us(u64 us);
/* Allocations not given back. */
extern long stub_allocations;
/* The next one fails when this reaches zero; negative: never. */
extern long stub_fail_after;
/* Lines that the module wrote to the log. */
extern unsigned int stub_log_lines;

/* --- memory ---------------------------------------------------------------- */

typedef unsigned int gfp_t;
typedef u64 phys_addr_t;
#define GFP_KERNEL 0
#define __GFP_NOFAIL 1
void *kzalloc(size_t bytes, gfp_t gfp);
void *kcalloc(size_t n, size_t bytes, gfp_t gfp);
void kfree(const void *memory);
#define memalloc_noio_save() 0u
#define memalloc_noio_restore(flags) ((void)(flags))
#define kvzalloc kzalloc
#define kvfree kfree
#define kmalloc kzalloc
#define phys_to_virt(at) ((void *)(uintptr_t)(at))

struct gen_pool;
struct gen_pool *gen_pool_create(int order, int node);
int gen_pool_add(struct gen_pool *pool, unsigned long at, size_t bytes, int node);
void gen_pool_destroy(struct gen_pool *pool);
unsigned long gen_pool_alloc(struct gen_pool *pool, size_t bytes);
void gen_pool_free(struct gen_pool *pool, unsigned long at, size_t bytes);
size_t gen_pool_avail(struct gen_pool *pool);
size_t gen_pool_size(struct gen_pool *pool);

/* --- lists ------------------------------------------------------------------ */

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head->prev = head;
}

#define LIST_HEAD(name) struct list_head name = { &(name), &(name) }

static inline void list_add(struct list_head *node, struct list_head *head)
{
	node->next = head->next;
	node->prev = head;
	head->next->prev = node;
	head->next = node;
}

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	list_add(node, head->prev);
}

static inline void list_del_init(struct list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	INIT_LIST_HEAD(node);
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
	while (!list_empty(from)) {
		struct list_head *node = from->prev;

		list_del_init(node);
		list_add(node, to);
	}
}

static inline void list_splice_tail_init(struct list_head *from, struct list_head *to)
{
	while (!list_empty(from)) {
		struct list_head *node = from->next;

		list_del_init(node);
		list_add_tail(node, to);
	}
}

#define list_del list_del_init
#define list_move_tail(node, head) (list_del_init(node), list_add_tail(node, head))
#define list_first_entry(head, type, member) \
	list_entry((head)->next, type, member)
#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_del_rcu list_del_init
#define list_add_rcu list_add
#define list_entry container_of
#define list_for_each_entry(at, head, member)                               \
	for (at = list_entry((head)->next, __typeof__(*at), member);        \
	     &at->member != (head);                                         \
	     at = list_entry(at->member.next, __typeof__(*at), member))
#define list_for_each_entry_rcu list_for_each_entry
#define list_for_each_entry_safe(at, after, head, member)                   \
	for (at = list_entry((head)->next, __typeof__(*at), member),        \
	    after = list_entry(at->member.next, __typeof__(*at), member);   \
	     &at->member != (head);                                         \
	     at = after,                                                    \
	    after = list_entry(at->member.next, __typeof__(*at), member))

#define local_bh_disable() ((void)0)
#define local_bh_enable() ((void)0)
#define rcu_read_lock() ((void)0)
#define rcu_read_unlock() ((void)0)
#define synchronize_rcu() ((void)0)

/* --- bitmaps of at most 64 bits ---------------------------------------------- */

#define DECLARE_BITMAP(name, bits) unsigned long name[((bits) + 63) / 64]
#define bitmap_empty(map, bits) ((map)[0] == 0)
#define bitmap_zero(map, bits) ((void)((map)[0] = 0))
#define bitmap_copy(to, from, bits) ((void)((to)[0] = (from)[0]))
#define bitmap_or(to, a, b, bits) ((void)((to)[0] = (a)[0] | (b)[0]))
#define __set_bit(n, map) ((void)((map)[0] |= 1ul << (n)))
#define __clear_bit(n, map) ((void)((map)[0] &= ~(1ul << (n))))
#define test_bit(n, map) (((map)[0] >> (n) & 1) != 0)
#define for_each_set_bit(n, map, bits)          \
	for ((n) = 0; (n) < (bits); (n)++)      \
		if (test_bit(n, map))

/* --- time -------------------------------------------------------------------- */

extern unsigned long stub_jiffies;
#define jiffies stub_jiffies
#define msecs_to_jiffies(ms) ((unsigned long)(ms))
#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)
typedef s64 ktime_t;
ktime_t ktime_get(void);
#define ktime_get_ns() ((u64)ktime_get())
#define nsecs_to_jiffies(ns) ((unsigned long)((ns) / 1000000))
#define ktime_add_us(t, us) ((t) + (s64)(us) * 1000)
#define ktime_before(a, b) ((a) < (b))
#define usleep_range(from, to) stub_pass_us(to)

struct timer_list {
	struct list_head node;
	unsigned long expires;
	bool pending;
	void (*function)(struct timer_list *timer);
};
void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *),
		 unsigned int flags);
int mod_timer(struct timer_list *timer, unsigned long expires);
int timer_delete_sync(struct timer_list *timer);
#define timer_pending(timer) ((timer)->pending)

/* --- what runs later ---------------------------------------------------------- */

struct work_struct {
	struct list_head node;
	bool pending;
	void (*function)(struct work_struct *work);
};
struct delayed_work {
	struct work_struct work;
	struct timer_list timer;
};
struct workqueue_struct {
	int dummy;
};
void stub_work_init(struct work_struct *work, void (*function)(struct work_struct *));
#define INIT_WORK stub_work_init
void INIT_DELAYED_WORK(struct delayed_work *work, void (*function)(struct work_struct *));
bool queue_work(struct workqueue_struct *queue, struct work_struct *work);
bool queue_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
			unsigned long delay);
bool mod_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
		      unsigned long delay);
bool cancel_work_sync(struct work_struct *work);
bool cancel_delayed_work_sync(struct delayed_work *work);
bool flush_work(struct work_struct *work);
#define to_delayed_work(at) container_of(at, struct delayed_work, work)
#define WQ_MEM_RECLAIM 0
#define system_unbound_wq ((struct workqueue_struct *)NULL)
#define alloc_ordered_workqueue(...) \
	((struct workqueue_struct *)kzalloc(sizeof(struct workqueue_struct), 0))
#define destroy_workqueue(queue) kfree(queue)

struct tasklet_struct {
	struct list_head node;
	bool pending;
	void (*function)(struct tasklet_struct *tasklet);
};
void tasklet_setup(struct tasklet_struct *tasklet,
		   void (*function)(struct tasklet_struct *));
void tasklet_schedule(struct tasklet_struct *tasklet);
void tasklet_kill(struct tasklet_struct *tasklet);
#define tasklet_unlock_wait(tasklet) ((void)(tasklet))
#define tasklet_hi_schedule tasklet_schedule
#define tasklet_disable(tasklet) ((void)(tasklet))
#define tasklet_enable(tasklet) ((void)(tasklet))

struct mutex {
	spinlock_t lock;
};
#define mutex_init(mutex) spin_lock_init(&(mutex)->lock)
#define mutex_lock(mutex) stub_lock(&(mutex)->lock)
#define mutex_trylock(mutex) (stub_lock(&(mutex)->lock), true)
#define mutex_unlock(mutex) stub_unlock(&(mutex)->lock)

struct completion {
	unsigned int done;
};
#define init_completion(c) ((void)((c)->done = 0))
#define complete(c) ((void)(c)->done++)
unsigned long wait_for_completion_timeout(struct completion *c, unsigned long timeout);
/* Runs while something waits; answers come by that, or the time is over. */
extern void (*stub_while_waiting)(void);

/* --- devices -------------------------------------------------------------------- */

struct kref {
	int count;
};
#define kref_init(ref) ((void)((ref)->count = 1))
#define kref_get(ref) ((void)(ref)->count++)
#define kref_put(ref, release) ((void)(--(ref)->count || (release(ref), 0)))

struct dev_pm_ops {
	int (*suspend)(struct device *dev);
	int (*resume)(struct device *dev);
};
#define SET_SYSTEM_SLEEP_PM_OPS(s, r) .suspend = s, .resume = r,
struct device_type {
	const char *name;
	void (*release)(struct device *dev);
	const struct dev_pm_ops *pm;
};
struct device {
	struct device *parent;
	const struct device_type *type;
	void (*release)(struct device *dev);
	const struct attribute_group **groups;
	struct kref ref;
};
void device_initialize(struct device *dev);
int device_add(struct device *dev);
void device_unregister(struct device *dev);
void put_device(struct device *dev);
int dev_set_name(struct device *dev, const char *format, ...);
#define dev_name(dev) "stub"
void stub_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define dev_err(dev, ...) ((void)(dev), stub_log(__VA_ARGS__))
#define dev_warn dev_err
#define dev_err_ratelimited dev_err
#define dev_warn_ratelimited dev_err
#define dev_info(dev, ...) ((void)(dev))
#define dev_info_ratelimited dev_info

struct ida {
	int next;
};
#define DEFINE_IDA(name) struct ida name
#define ida_alloc(ida, gfp) ((ida)->next++)
#define ida_free(ida, id) ((void)(ida))

/* --- virtio --------------------------------------------------------------------- */

struct irq_affinity;
struct virtio_device_id {
	u32 device;
	u32 vendor;
};
typedef void vq_callback_t(struct virtqueue *);
struct virtio_config_ops;
struct virtio_device {
	struct device dev;
	struct virtio_device_id id;
	const struct virtio_config_ops *config;
	u64 features;
};
static inline struct virtio_device *dev_to_virtio(struct device *dev)
{
	return container_of(dev, struct virtio_device, dev);
}

struct virtqueue {
	vq_callback_t *callback;
	struct virtio_device *vdev;
	unsigned int index;
	unsigned int num_max;
	void *priv;
};
struct virtio_config_ops {
	void (*get)(struct virtio_device *vdev, unsigned int offset, void *buf,
		    unsigned int len);
	void (*set)(struct virtio_device *vdev, unsigned int offset,
		    const void *buf, unsigned int len);
	u32 (*generation)(struct virtio_device *vdev);
	u8 (*get_status)(struct virtio_device *vdev);
	void (*set_status)(struct virtio_device *vdev, u8 status);
	void (*reset)(struct virtio_device *vdev);
	int (*find_vqs)(struct virtio_device *vdev, unsigned int nvqs,
			struct virtqueue *vqs[], vq_callback_t *callbacks[],
			const char *const names[], const bool *ctx,
			struct irq_affinity *desc);
	void (*del_vqs)(struct virtio_device *vdev);
	void (*synchronize_cbs)(struct virtio_device *vdev);
	u64 (*get_features)(struct virtio_device *vdev);
	int (*finalize_features)(struct virtio_device *vdev);
	const char *(*bus_name)(struct virtio_device *vdev);
};
struct vring;
struct virtqueue *vring_create_virtqueue(unsigned int index, unsigned int num,
					 unsigned int align,
					 struct virtio_device *vdev, bool weak,
					 bool reduce, bool context,
					 bool (*notify)(struct virtqueue *),
					 vq_callback_t *callback,
					 const char *name);
void vring_del_virtqueue(struct virtqueue *vq);
const struct vring *virtqueue_get_vring(struct virtqueue *vq);
/* The driver's kick. */
bool virtqueue_notify(struct virtqueue *vq);
int vring_interrupt(int irq, void *vq);
void vring_transport_features(struct virtio_device *vdev);
int register_virtio_device(struct virtio_device *vdev);
void unregister_virtio_device(struct virtio_device *vdev);
void virtio_config_changed(struct virtio_device *vdev);
int virtio_device_freeze(struct virtio_device *vdev);
int virtio_device_restore(struct virtio_device *vdev);

#define virtio_has_feature(vdev, bit) (((vdev)->features >> (bit) & 1) != 0)
#define __virtio16_to_cpu(little, v) le16toh((__force u16)(v))
#define __virtio32_to_cpu(little, v) le32toh((__force u32)(v))
#define __virtio64_to_cpu(little, v) le64toh((__force u64)(v))
#define __cpu_to_virtio16(little, v) ((__force __virtio16)htole16(v))
#define __cpu_to_virtio32(little, v) ((__force __virtio32)htole32(v))
#define __cpu_to_virtio64(little, v) ((__force __virtio64)htole64(v))
#ifndef __force
#define __force
#endif
#define kvec iovec

#ifdef __cplusplus
}
#endif
