// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * /dev/hawserN: the window for a program of user space, usually `hawser serve`.
 * One program at a time; the kernel's end steps aside when it comes and is
 * back when it is gone, however it went. It maps the memory as the kernel
 * does, is rung through eventfds, and rings by ioctl.
 */
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <uapi/hawser/window.h>

#include "ivshmem.h"

#define MOST_WINDOWS 64
#define IVSHMEM_MEMORY 2

static dev_t first_number;
static DEFINE_IDA(numbers);
static struct class window_class = {
	.name = "hawser",
};

static void signal_bell(struct eventfd_ctx *bell)
{
#ifdef HAWSER_EVENTFD_COUNTS
	eventfd_signal(bell, 1);
#else
	eventfd_signal(bell);
#endif
}

/* Hard interrupt. */
void hawser_window_rung(struct hawser_vector *vector)
{
	spin_lock(&vector->lock);
	if (vector->bell)
		signal_bell(vector->bell);
	spin_unlock(&vector->lock);
}

static void set_bell(struct hawser_vector *vector, struct eventfd_ctx *bell)
{
	struct eventfd_ctx *before;

	spin_lock_irq(&vector->lock);
	before = vector->bell;
	vector->bell = bell;
	spin_unlock_irq(&vector->lock);
	if (before)
		eventfd_ctx_put(before);
}

static void silence(struct hawser_ivshmem *ivshmem)
{
	unsigned int i;

	for (i = 0; i < ivshmem->interrupts; i++)
		set_bell(&ivshmem->vectors[i], NULL);
}

static int window_open(struct inode *inode, struct file *file)
{
	struct hawser_ivshmem *ivshmem =
		container_of(inode->i_cdev, struct hawser_ivshmem, cdev);
	int err = 0;

	if (mutex_lock_interruptible(&ivshmem->mutex))
		return -EINTR;
	if (ivshmem->gone)
		err = -ENODEV;
	else if (ivshmem->user)
		err = -EBUSY;
	else
		err = hawser_ivshmem_step_aside(ivshmem);
	if (!err) {
		ivshmem->user = file;
		file->private_data = ivshmem;
	}
	mutex_unlock(&ivshmem->mutex);
	return err;
}

/* Comes when the last descriptor and the last mapping are gone. */
static int window_release(struct inode *inode, struct file *file)
{
	struct hawser_ivshmem *ivshmem = file->private_data;

	mutex_lock(&ivshmem->mutex);
	ivshmem->user = NULL;
	if (!ivshmem->gone) {
		silence(ivshmem);
		hawser_ivshmem_step_in(ivshmem);
	}
	mutex_unlock(&ivshmem->mutex);
	return 0;
}

static void give_info(struct hawser_ivshmem *ivshmem,
		      struct hawser_window_info *info)
{
	*info = (struct hawser_window_info){
		.version = HAWSER_WINDOW_VERSION,
		.memory_type = ivshmem->memory_type,
		.bytes = ivshmem->window.bytes,
		.own_id = ivshmem->window.own_id,
		.vectors = ivshmem->window.vectors,
		.interrupts = ivshmem->interrupts,
	};
}

static long take_bell(struct hawser_ivshmem *ivshmem,
		      const struct hawser_window_bell *what)
{
	struct eventfd_ctx *bell = NULL;

	if (what->vector >= ivshmem->interrupts)
		return -EINVAL;
	if (what->eventfd >= 0) {
		bell = eventfd_ctx_fdget(what->eventfd);
		if (IS_ERR(bell))
			return PTR_ERR(bell);
	} else if (what->eventfd != -1) {
		return -EINVAL;
	}
	set_bell(&ivshmem->vectors[what->vector], bell);
	return 0;
}

/*
 * The program's memory is reached without the mutex: a fault takes that while
 * it holds the lock of that memory.
 */
static long window_ioctl(struct file *file, unsigned int command,
			 unsigned long argument)
{
	struct hawser_ivshmem *ivshmem = file->private_data;
	void __user *memory = (void __user *)argument;
	struct hawser_window_info info;
	struct hawser_window_bell bell;
	long result = 0;

	if (command == HAWSER_WINDOW_BELL &&
	    copy_from_user(&bell, memory, sizeof(bell)))
		return -EFAULT;
	mutex_lock(&ivshmem->mutex);
	if (ivshmem->gone)
		result = -ENODEV;
	else if (command == HAWSER_WINDOW_RING)
		hawser_ivshmem_ring(ivshmem, argument >> 16, argument);
	else if (command == HAWSER_WINDOW_INFO)
		give_info(ivshmem, &info);
	else if (command == HAWSER_WINDOW_BELL)
		result = take_bell(ivshmem, &bell);
	else
		result = -ENOTTY;
	mutex_unlock(&ivshmem->mutex);
	if (!result && command == HAWSER_WINDOW_INFO &&
	    copy_to_user(memory, &info, sizeof(info)))
		result = -EFAULT;
	return result;
}

/*
 * Page by page, for a mapping is found by hawser_window_vanish() only after
 * mmap() is over: what that then takes away must not have been put there, or
 * must not come back.
 */
static vm_fault_t window_fault(struct vm_fault *fault)
{
	struct hawser_ivshmem *ivshmem = fault->vma->vm_private_data;
	vm_fault_t result = VM_FAULT_SIGBUS;

	mutex_lock(&ivshmem->mutex);
	if (!ivshmem->gone)
		/* Asks for write-back, and gets what the kernel got. */
		result = vmf_insert_pfn(fault->vma, fault->address,
					(pci_resource_start(ivshmem->pdev,
							    IVSHMEM_MEMORY) >>
					 PAGE_SHIFT) + fault->pgoff);
	mutex_unlock(&ivshmem->mutex);
	return result;
}

static const struct vm_operations_struct window_mapping = {
	.fault = window_fault,
};

static void mark_as_device(struct vm_area_struct *vma)
{
	unsigned long flags = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;

#ifdef HAWSER_VM_FLAGS_SET	/* Linux 6.3 */
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static int window_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct hawser_ivshmem *ivshmem = file->private_data;
	unsigned long bytes = vma->vm_end - vma->vm_start;
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;

	if (!(vma->vm_flags & VM_SHARED) ||
	    offset > ivshmem->window.bytes ||
	    bytes > ivshmem->window.bytes - offset)
		return -EINVAL;
	if (READ_ONCE(ivshmem->gone))
		return -ENODEV;
	mark_as_device(vma);
	vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);
	vma->vm_private_data = ivshmem;
	vma->vm_ops = &window_mapping;
	return 0;
}

static const struct file_operations window_operations = {
	.owner = THIS_MODULE,
	.open = window_open,
	.release = window_release,
	.unlocked_ioctl = window_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = window_mmap,
	.llseek = noop_llseek,
};

static void free_node(struct device *node)
{
	struct hawser_ivshmem *ivshmem =
		container_of(node, struct hawser_ivshmem, node);

	ida_free(&numbers, ivshmem->number);
	kfree(ivshmem);
}

int hawser_window_prepare(struct hawser_ivshmem *ivshmem)
{
	int number = ida_alloc_max(&numbers, MOST_WINDOWS - 1, GFP_KERNEL);

	if (number < 0)
		return number;
	ivshmem->number = number;
	device_initialize(&ivshmem->node);
	ivshmem->node.class = &window_class;
	ivshmem->node.parent = &ivshmem->pdev->dev;
	ivshmem->node.devt = first_number + number;
	ivshmem->node.release = free_node;
	dev_set_drvdata(&ivshmem->node, ivshmem);
	return 0;
}

int hawser_window_appear(struct hawser_ivshmem *ivshmem)
{
	int err = dev_set_name(&ivshmem->node, "hawser%d", ivshmem->number);

	if (err)
		return err;
	cdev_init(&ivshmem->cdev, &window_operations);
	ivshmem->cdev.owner = THIS_MODULE;
	return cdev_device_add(&ivshmem->cdev, &ivshmem->node);
}

/* Whoever has it open keeps a descriptor that says ENODEV, and no mapping. */
void hawser_window_vanish(struct hawser_ivshmem *ivshmem)
{
	cdev_device_del(&ivshmem->cdev, &ivshmem->node);
	mutex_lock(&ivshmem->mutex);
	ivshmem->gone = true;
	if (ivshmem->user) {
		unmap_mapping_range(ivshmem->user->f_mapping, 0, 0, 1);
		silence(ivshmem);
	}
	mutex_unlock(&ivshmem->mutex);
}

int hawser_window_init(void)
{
	int err = class_register(&window_class);

	if (err)
		return err;
	err = alloc_chrdev_region(&first_number, 0, MOST_WINDOWS, "hawser");
	if (err)
		class_unregister(&window_class);
	return err;
}

void hawser_window_exit(void)
{
	unregister_chrdev_region(first_number, MOST_WINDOWS);
	class_unregister(&window_class);
	ida_destroy(&numbers);
}
