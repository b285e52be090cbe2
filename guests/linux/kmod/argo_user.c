// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * /dev/hawser_argo: include/uapi/hawser/argo.h. Why not privcmd: a program's
 * rings outlive it there, and Xen goes on writing to pages that are somebody
 * else's by then.
 *
 * Arguments are read once into private memory, checked, and used from there.
 */
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rculist.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <uapi/hawser/argo.h>

#include "argo.h"
#include "argo_xen.h"

#define MOST_PAGES (XEN_ARGO_MAX_RING_SIZE / HAWSER_ARGO_PAGE_BYTES)

struct user_ring {
	struct list_head node;
	u32 aport;
	u16 partner;
};

/* One time that the device is open. */
struct argo_user {
	struct list_head node;	/* RCU; changed under users_mutex */
	/* around memory and frames; users_mutex is taken inside */
	struct mutex mutex;
	u8 *memory;		/* what is mapped; set once */
	size_t bytes;
	__le64 *frames;		/* of a ring that is being registered */
	struct list_head rings;	/* registered; under users_mutex */
	bool exposed;		/* Xen may write to it for ever; the same */
	/* around bell */
	spinlock_t bell_lock;
	struct eventfd_ctx *bell;
};

static LIST_HEAD(users);
static DEFINE_MUTEX(users_mutex);
static bool closing;		/* no ring from here on; under users_mutex */

/* --- what the caller says is in its memory -------------------------------- */

/* Where it is for us; NULL: not all of it is in there. */
static void *at(const struct argo_user *u, const struct hawser_argo_user_call *call,
		u64 address, u64 bytes)
{
	u64 offset = address - call->base;

	if (address < call->base || offset > u->bytes ||
	    bytes > u->bytes - offset)
		return NULL;
	return u->memory + offset;
}

/* Reads it once. */
static bool read(const struct argo_user *u, const struct hawser_argo_user_call *call,
		 u64 address, void *to, u32 bytes)
{
	const void *from = at(u, call, address, bytes);

	if (from)
		memcpy(to, from, bytes);
	return from;
}

static s64 xen(u32 op, void *arg1, void *arg2, u32 arg3, u32 arg4)
{
	return hawser_xen_port.call(&hawser_xen_port, op, arg1, arg2, arg3,
				    arg4);
}

/* --- the operations ------------------------------------------------------- */

static struct user_ring *find_ring(struct argo_user *u, u32 aport, u16 partner)
{
	struct user_ring *ring;

	list_for_each_entry(ring, &u->rings, node) {
		if (ring->aport == aport && ring->partner == partner)
			return ring;
	}
	return NULL;
}

/* Somebody in this domain has it: a second registration would take it. */
static bool taken(u32 aport, u16 partner)
{
	struct argo_user *u;

	list_for_each_entry(u, &users, node) {
		if (find_ring(u, aport, partner))
			return true;
	}
	return false;
}

bool hawser_argo_user_has(u32 aport, u16 partner)
{
	bool has;

	mutex_lock(&users_mutex);
	has = taken(aport, partner);
	mutex_unlock(&users_mutex);
	return has;
}

static int register_ring(struct argo_user *u,
			 const struct hawser_argo_user_call *call)
{
	struct hawser_argo_register_ring reg;
	struct user_ring *ring;
	u32 n, pages = call->arg3;
	const __le64 *asked;
	u32 aport;
	u16 partner;
	int ret;

	if (closing)
		return -ESHUTDOWN;
	if (pages > MOST_PAGES)
		return -EINVAL;
	asked = at(u, call, call->arg2, pages * sizeof(*asked));
	if (!asked || !read(u, call, call->arg1, &reg, sizeof(reg)))
		return -EFAULT;
	for (n = 0; n < pages; n++) {
		u64 page = le64_to_cpu(READ_ONCE(asked[n]));

		if (page >= u->bytes / HAWSER_ARGO_PAGE_BYTES)
			return -EINVAL;
		page = hawser_xen_port.frame(&hawser_xen_port, u->memory +
					     page * HAWSER_ARGO_PAGE_BYTES);
		u->frames[n] = cpu_to_le64(page);
	}
	aport = le32_to_cpu(reg.aport);
	partner = le16_to_cpu(reg.partner_id);
	ring = find_ring(u, aport, partner);
	/* Once more: what a failure does to the old one is Xen's to say. */
	if (ring)
		return xen(XEN_ARGO_OP_REGISTER_RING, &reg, u->frames, pages,
			   call->arg4);
	if (taken(aport, partner) || hawser_argo_taken(aport, partner))
		return -EEXIST;
	ring = kzalloc(sizeof(*ring), GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	ret = xen(XEN_ARGO_OP_REGISTER_RING, &reg, u->frames, pages,
		  call->arg4);
	if (ret < 0) {
		kfree(ring);
		return ret;
	}
	ring->aport = aport;
	ring->partner = partner;
	list_add(&ring->node, &u->rings);
	return ret;
}

static int unregister_ring(struct argo_user *u,
			   const struct hawser_argo_user_call *call)
{
	struct hawser_argo_unregister_ring unreg;
	struct user_ring *ring;
	int ret;

	if (!read(u, call, call->arg1, &unreg, sizeof(unreg)))
		return -EFAULT;
	ring = find_ring(u, le32_to_cpu(unreg.aport),
			 le16_to_cpu(unreg.partner_id));
	if (!ring)
		return -ENOENT;
	ret = xen(XEN_ARGO_OP_UNREGISTER_RING, &unreg, NULL, 0, 0);
	if (ret >= 0 || ret == -ENOENT) {
		list_del(&ring->node);
		kfree(ring);
	}
	return ret;
}

static int sendv(struct argo_user *u, const struct hawser_argo_user_call *call)
{
	struct hawser_argo_iov iov[XEN_ARGO_MAXIOV];
	struct hawser_argo_send_address addresses;
	u32 n;

	if (!read(u, call, call->arg1, &addresses, sizeof(addresses)))
		return -EFAULT;
	if (call->arg3 > XEN_ARGO_MAXIOV)
		return -EINVAL;
	if (!read(u, call, call->arg2, iov, call->arg3 * sizeof(iov[0])))
		return -EFAULT;
	for (n = 0; n < call->arg3; n++) {
		void *payload = at(u, call, le64_to_cpu(iov[n].iov_hnd),
				   le32_to_cpu(iov[n].iov_len));

		if (!payload)
			return -EFAULT;
		iov[n].iov_hnd = cpu_to_le64((uintptr_t)payload);
	}
	return xen(XEN_ARGO_OP_SENDV, &addresses, iov, call->arg3, call->arg4);
}

static int notify(struct argo_user *u, const struct hawser_argo_user_call *call)
{
	struct hawser_argo_ring_data query;
	int ret;

	if (!call->arg1)
		return xen(XEN_ARGO_OP_NOTIFY, NULL, NULL, 0, 0);
	if (!read(u, call, call->arg1, &query, sizeof(query)))
		return -EFAULT;
	if (le32_to_cpu(query.nent) != 1)
		return -EACCES;
	ret = xen(XEN_ARGO_OP_NOTIFY, &query, NULL, 0, 0);
	if (ret >= 0)
		memcpy(at(u, call, call->arg1, sizeof(query)), &query,
		       sizeof(query));
	return ret;
}

static int carry_out(struct argo_user *u, const struct hawser_argo_user_call *call)
{
	int ret;

	if (!u->memory)
		return -EFAULT;
	switch (call->op) {
	case XEN_ARGO_OP_REGISTER_RING:
		mutex_lock(&users_mutex);
		ret = register_ring(u, call);
		mutex_unlock(&users_mutex);
		return ret;
	case XEN_ARGO_OP_UNREGISTER_RING:
		mutex_lock(&users_mutex);
		ret = unregister_ring(u, call);
		mutex_unlock(&users_mutex);
		return ret;
	case XEN_ARGO_OP_SENDV:
		return sendv(u, call);
	case XEN_ARGO_OP_NOTIFY:
		return notify(u, call);
	default:
		return -EOPNOTSUPP;
	}
}

/* --- the file ------------------------------------------------------------- */

static void set_bell(struct argo_user *u, struct eventfd_ctx *bell)
{
	struct eventfd_ctx *before;

	spin_lock_irq(&u->bell_lock);
	before = u->bell;
	u->bell = bell;
	spin_unlock_irq(&u->bell_lock);
	if (before)
		eventfd_ctx_put(before);
}

void hawser_argo_user_signaled(void)
{
	struct argo_user *u;

	rcu_read_lock();
	list_for_each_entry_rcu(u, &users, node) {
		spin_lock(&u->bell_lock);
		if (u->bell)
#ifdef HAWSER_EVENTFD_SIGNAL_COUNTS
			eventfd_signal(u->bell, 1);
#else
			eventfd_signal(u->bell);
#endif
		spin_unlock(&u->bell_lock);
	}
	rcu_read_unlock();
}

static long user_ioctl(struct file *file, unsigned int command,
		       unsigned long argument)
{
	const struct hawser_argo_user_info info = {
		.version = HAWSER_ARGO_USER_VERSION,
	};
	void __user *to = (void __user *)argument;
	struct argo_user *u = file->private_data;
	struct hawser_argo_user_call call;
	struct eventfd_ctx *bell = NULL;
	s32 fd;

	switch (command) {
	case HAWSER_ARGO_USER_INFO:
		return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : 0;
	case HAWSER_ARGO_USER_CALL:
		if (copy_from_user(&call, to, sizeof(call)))
			return -EFAULT;
		mutex_lock(&u->mutex);
		call.result = carry_out(u, &call);
		mutex_unlock(&u->mutex);
		return copy_to_user(to, &call, sizeof(call)) ? -EFAULT : 0;
	case HAWSER_ARGO_USER_BELL:
		if (get_user(fd, (s32 __user *)to))
			return -EFAULT;
		if (fd != -1) {
			bell = eventfd_ctx_fdget(fd);
			if (IS_ERR(bell))
				return PTR_ERR(bell);
		}
		set_bell(u, bell);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int user_mmap(struct file *file, struct vm_area_struct *area)
{
	size_t bytes = area->vm_end - area->vm_start;
	struct argo_user *u = file->private_data;
	int ret = -EBUSY;

	if (bytes > HAWSER_ARGO_USER_MOST || area->vm_pgoff ||
	    !(area->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&u->mutex);
	if (!u->memory) {
		ret = -ENOMEM;
		u->memory = vmalloc_user(bytes);
		if (u->memory) {
			u->bytes = bytes;
			ret = remap_vmalloc_range(area, u->memory, 0);
		}
	}
	mutex_unlock(&u->mutex);
	return ret;
}

static int user_open(struct inode *inode, struct file *file)
{
	struct argo_user *u = kzalloc(sizeof(*u), GFP_KERNEL);

	if (!u)
		return -ENOMEM;
	u->frames = kvcalloc(MOST_PAGES, sizeof(*u->frames), GFP_KERNEL);
	if (!u->frames) {
		kfree(u);
		return -ENOMEM;
	}
	mutex_init(&u->mutex);
	spin_lock_init(&u->bell_lock);
	INIT_LIST_HEAD(&u->rings);
	file->private_data = u;
	mutex_lock(&users_mutex);
	list_add_rcu(&u->node, &users);
	mutex_unlock(&users_mutex);
	return nonseekable_open(inode, file);
}

/* Under users_mutex. */
static void unregister_all(struct argo_user *u)
{
	struct user_ring *ring, *next;

	list_for_each_entry_safe(ring, next, &u->rings, node) {
		struct hawser_argo_unregister_ring unreg = {
			.aport = cpu_to_le32(ring->aport),
			.partner_id = cpu_to_le16(ring->partner),
		};
		int ret = xen(XEN_ARGO_OP_UNREGISTER_RING, &unreg, NULL, 0, 0);

		u->exposed |= ret < 0 && ret != -ENOENT;
		list_del(&ring->node);
		kfree(ring);
	}
}

/* Comes when the last descriptor and the last mapping are gone. */
static int user_release(struct inode *inode, struct file *file)
{
	struct argo_user *u = file->private_data;

	/* Taken as long as Xen has them: else their next owner's would go. */
	mutex_lock(&users_mutex);
	unregister_all(u);
	list_del_rcu(&u->node);
	mutex_unlock(&users_mutex);
	synchronize_rcu();
	set_bell(u, NULL);
	/* Otherwise it is nobody else's ever. */
	if (!u->exposed)
		vfree(u->memory);
	kvfree(u->frames);
	kfree(u);
	return 0;
}

static const struct file_operations user_file = {
	.owner = THIS_MODULE,
	.open = user_open,
	.release = user_release,
	.unlocked_ioctl = user_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = user_mmap,
};

static struct miscdevice user_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hawser_argo",
	.fops = &user_file,
	.mode = 0600,
};

/* Programs may live on until kexec's next kernel, whose the memory is then. */
static int going_down(struct notifier_block *block, unsigned long action,
		      void *data)
{
	struct argo_user *u;

	mutex_lock(&users_mutex);
	closing = true;
	list_for_each_entry(u, &users, node)
		unregister_all(u);
	mutex_unlock(&users_mutex);
	return NOTIFY_DONE;
}

static struct notifier_block reboot_block = {
	.notifier_call = going_down,
};

int hawser_argo_user_init(void)
{
	int ret = register_reboot_notifier(&reboot_block);

	if (ret)
		return ret;
	ret = misc_register(&user_device);
	if (ret)
		unregister_reboot_notifier(&reboot_block);
	return ret;
}

void hawser_argo_user_exit(void)
{
	misc_deregister(&user_device);
	unregister_reboot_notifier(&reboot_block);
}
