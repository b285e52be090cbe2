// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * The PCI function behind a window (1af4:1110): registers, interrupts, the
 * memory, and the kernel's own end of a link in it, which is a driver end.
 *
 * Two work items: "beat" moves our heartbeat and looks at the peer's every
 * HAWSER_POLL_MS and when vector 0 is rung; "tell" passes on to the bus what
 * came of it, in order. So a bus that takes long does not look dead.
 */
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/utsname.h>
#ifdef CONFIG_X86
#include <linux/pgtable.h>
#endif

#include <hawser/ivshmem/wire.h>
#include <uapi/hawser/window.h>

#include "ivshmem.h"

#define IVSHMEM_VENDOR		0x1af4
#define IVSHMEM_DEVICE		0x1110
#define IVSHMEM_REGISTERS	0
#define IVSHMEM_MEMORY		2
#define IVSHMEM_POSITION	0x08
#define IVSHMEM_DOORBELL	0x0c
#define IVSHMEM_REGISTER_BYTES	0x10

#define MESSAGES_AT_ONCE	64

static int link;
module_param(link, int, 0444);
MODULE_PARM_DESC(link, "which of a window's links the kernel drives; -1: none (see also /sys/class/hawser/hawserN/link)");

static uint links = 1;
module_param(links, uint, 0444);
MODULE_PARM_DESC(links, "into how many links a new window is divided");

static struct hawser_ivshmem *of_link(struct hawser_link *link_end)
{
	return container_of(link_end, struct hawser_ivshmem, link);
}

static void look_now(struct hawser_ivshmem *ivshmem)
{
	if (smp_load_acquire(&ivshmem->running)) /* pairs with start_end() */
		mod_delayed_work(ivshmem->work, &ivshmem->beat, 0);
}

void hawser_ivshmem_ring(struct hawser_ivshmem *ivshmem, u16 peer, u16 vector)
{
	wmb(); /* what was stored in the window, before the ring */
	atomic64_inc(&ivshmem->doorbells);
	writel((u32)peer << 16 | vector,
	       ivshmem->registers + IVSHMEM_DOORBELL);
}

static void doorbell(struct hawser_region *region, u16 peer, u16 vector)
{
	hawser_ivshmem_ring(container_of(region, struct hawser_ivshmem, region),
			    peer, vector);
}

/* What the bus asks */

static int link_send(struct hawser_link *link_end, const void *message,
		     size_t bytes)
{
	struct hawser_ivshmem *ivshmem = of_link(link_end);
	int sent = hawser_region_send(&ivshmem->region, message, bytes);

	if (sent == -ENOTCONN)
		look_now(ivshmem);
	return sent;
}

static void link_ring(struct hawser_link *link_end, u16 device, u16 queue)
{
	hawser_region_ring(&of_link(link_end)->region, device, queue);
}

static void link_fail(struct hawser_link *link_end, const char *why)
{
	struct hawser_ivshmem *ivshmem = of_link(link_end);

	hawser_region_fail(&ivshmem->region, why);
	look_now(ivshmem);
}

static const struct hawser_link_ops link_ops = {
	.send = link_send,
	.ring = link_ring,
	.fail = link_fail,
};

/* The kernel's end */

static void say(struct hawser_ivshmem *ivshmem, enum hawser_region_event event)
{
	struct hawser_region *region = &ivshmem->region;
	struct device *dev = &ivshmem->pdev->dev;
	char name[HAWSER_NAME_BYTES + 1];

	switch (event) {
	case HAWSER_REGION_NOTHING:
		break;
	case HAWSER_REGION_WENT_UP:
		hawser_region_peer_name(region, name);
		dev_info_ratelimited(dev, "link %u up, epoch %u/%u, peer %u%s%s\n",
				     region->link, region->own_epoch,
				     region->seen, region->peer_id,
				     name[0] ? " " : "", name);
		break;
	case HAWSER_REGION_WENT_DOWN:
		dev_info_ratelimited(dev, "link %u down\n", region->link);
		break;
	case HAWSER_REGION_BROKE:
		dev_err_ratelimited(dev, "link %u broken: %s\n", region->link,
				    region->reason);
		break;
	case HAWSER_REGION_HAS_RIVAL:
		dev_warn_ratelimited(dev, "link %u is driven by peer %u, standing by until it is gone\n",
				     region->link, region->rival.peer_id);
		break;
	case HAWSER_REGION_TAKEN:
		dev_warn_ratelimited(dev, "link %u: another party has written our end block\n",
				     region->link);
		break;
	}
}

static void pass_marks(struct hawser_ivshmem *ivshmem)
{
	u64 marks = hawser_region_take(&ivshmem->region);

	/* Pairs with the release in attach_bus(). */
	if (marks && smp_load_acquire(&ivshmem->attached))
		hawser_bus_rung(&ivshmem->link, marks);
}

static void beat(struct work_struct *work)
{
	struct hawser_ivshmem *ivshmem =
		container_of(to_delayed_work(work), struct hawser_ivshmem, beat);
	enum hawser_region_event event;

	if (!smp_load_acquire(&ivshmem->running)) /* pairs with start_end() */
		return;
	event = hawser_region_poll(&ivshmem->region, ktime_get_ns());
	say(ivshmem, event);
	/* Rings may be lost, so this looks for what they would have told of. */
	local_bh_disable();
	pass_marks(ivshmem);
	local_bh_enable();
	if (hawser_region_up_count(&ivshmem->region) !=
		    READ_ONCE(ivshmem->told) ||
	    hawser_region_waiting(&ivshmem->region))
		queue_work(ivshmem->work, &ivshmem->tell);
	queue_delayed_work(ivshmem->work, &ivshmem->beat,
			   msecs_to_jiffies(HAWSER_POLL_MS));
}

static bool attach_bus(struct hawser_ivshmem *ivshmem)
{
	struct hawser_link *end = &ivshmem->link;
	int err;

	if (ivshmem->attached)
		return true;
	end->ops = &link_ops;
	end->dev = &ivshmem->pdev->dev;
	end->marks = true;
	end->region = hawser_region_data(&ivshmem->region, &end->region_bytes);
	err = hawser_bus_attach(end);
	if (err) {
		dev_err_ratelimited(end->dev, "no bus for this link: error %d\n",
				    err);
		return false;
	}
	smp_store_release(&ivshmem->attached, true); /* pairs with pass_marks() */
	return true;
}

static void tell_bus(struct hawser_ivshmem *ivshmem)
{
	struct hawser_region *region = &ivshmem->region;
	unsigned int messages;
	u32 up;

	up = hawser_region_up_count(region);
	if (ivshmem->told && ivshmem->told != up) {
		hawser_bus_down(&ivshmem->link);
		WRITE_ONCE(ivshmem->told, 0);
	}
	if (up && !ivshmem->told && attach_bus(ivshmem) &&
	    hawser_region_admit(region, up, &ivshmem->link.mtu)) {
		WRITE_ONCE(ivshmem->told, up);
		hawser_bus_up(&ivshmem->link, up);
	}
	if (!ivshmem->told)
		return;
	for (messages = 0; messages < MESSAGES_AT_ONCE; messages++) {
		int got = hawser_region_receive(region, ivshmem->message,
						HAWSER_LONGEST_ELEMENT);

		if (got < 0)
			break;
		hawser_bus_message(&ivshmem->link, ivshmem->message, got);
	}
	if (messages == MESSAGES_AT_ONCE)
		queue_work(ivshmem->work, &ivshmem->tell);
	if (hawser_region_stale(region))
		look_now(ivshmem);
}

static void tell(struct work_struct *work)
{
	struct hawser_ivshmem *ivshmem =
		container_of(work, struct hawser_ivshmem, tell);
	unsigned int noio;

	if (!smp_load_acquire(&ivshmem->running)) /* pairs with start_end() */
		return;
	/* Memory may be freed by writing to a disk that waits for this. */
	noio = memalloc_noio_save();
	tell_bus(ivshmem);
	memalloc_noio_restore(noio);
}

static void start_end(struct hawser_ivshmem *ivshmem)
{
	if (ivshmem->running || ivshmem->link_number < 0 || ivshmem->user ||
	    ivshmem->gone || ivshmem->suspended)
		return;
	if (!ivshmem->attached)
		hawser_region_init(&ivshmem->region, &ivshmem->window,
				   ivshmem->link_number, ivshmem->links_if_new,
				   init_utsname()->nodename);
	ivshmem->region.window = ivshmem->window;
	say(ivshmem, hawser_region_start(&ivshmem->region, ktime_get_ns()));
	/* Interrupts and work items look at the region from here on. */
	smp_store_release(&ivshmem->running, true);
	look_now(ivshmem);
}

static void synchronize_vectors(struct hawser_ivshmem *ivshmem)
{
	unsigned int i;

	for (i = 0; i < ivshmem->interrupts; i++)
		synchronize_irq(pci_irq_vector(ivshmem->pdev, i));
}

/* The devices stay, and stall. */
static void stop_end(struct hawser_ivshmem *ivshmem)
{
	if (!ivshmem->running)
		return;
	WRITE_ONCE(ivshmem->running, false);
	synchronize_vectors(ivshmem);
	cancel_delayed_work_sync(&ivshmem->beat);
	hawser_region_leave(&ivshmem->region);
	cancel_work_sync(&ivshmem->tell);
	if (ivshmem->told)
		hawser_bus_down(&ivshmem->link);
	ivshmem->told = 0;
}

static void detach_bus(struct hawser_ivshmem *ivshmem)
{
	if (!ivshmem->attached)
		return;
	WRITE_ONCE(ivshmem->attached, false);
	synchronize_vectors(ivshmem);
	hawser_bus_detach(&ivshmem->link);
}

/* The devices go, and write first what they have to write. */
static void give_up_link(struct hawser_ivshmem *ivshmem)
{
	if (ivshmem->attached)
		hawser_bus_unplug(&ivshmem->link);
	stop_end(ivshmem);
	detach_bus(ivshmem);
}

int hawser_ivshmem_step_aside(struct hawser_ivshmem *ivshmem)
{
	if (ivshmem->attached && hawser_bus_devices_in_use(&ivshmem->link))
		return -EBUSY;
	give_up_link(ivshmem);
	return 0;
}

void hawser_ivshmem_step_in(struct hawser_ivshmem *ivshmem)
{
	start_end(ivshmem);
}

/* Interrupts */

static irqreturn_t on_vector(int irq, void *data)
{
	struct hawser_vector *vector = data;
	struct hawser_ivshmem *ivshmem = vector->of;

	hawser_window_rung(vector);
	if (!smp_load_acquire(&ivshmem->running)) /* pairs with start_end() */
		return IRQ_HANDLED;
	pass_marks(ivshmem);
	if (vector->number == 0) {
		if (hawser_region_up_count(&ivshmem->region))
			queue_work(ivshmem->work, &ivshmem->tell);
		else
			look_now(ivshmem);
	}
	return IRQ_HANDLED;
}

static void free_vectors(struct hawser_ivshmem *ivshmem, unsigned int requested)
{
	while (requested--)
		free_irq(pci_irq_vector(ivshmem->pdev, requested),
			 &ivshmem->vectors[requested]);
	pci_free_irq_vectors(ivshmem->pdev);
	kfree(ivshmem->vectors);
	ivshmem->vectors = NULL;
	ivshmem->interrupts = 0;
}

/* As many as there are; none is slow, not fatal. */
static int request_vectors(struct hawser_ivshmem *ivshmem)
{
	struct pci_dev *pdev = ivshmem->pdev;
	int there = pci_msix_vec_count(pdev);
	unsigned int i;
	int got, err;

	if (there <= 0) {
		dev_err(&pdev->dev, "no doorbells: ivshmem-plain is of no use here, ivshmem-doorbell is\n");
		return -ENODEV;
	}
	got = pci_alloc_irq_vectors(pdev, 1, there, PCI_IRQ_MSIX);
	if (got < 0) {
		dev_warn(&pdev->dev, "no MSI-X (error %d): looking every %u ms instead\n",
			 got, HAWSER_POLL_MS);
		got = 0;
	}
	ivshmem->vectors = kcalloc(max(got, 1), sizeof(*ivshmem->vectors),
				   GFP_KERNEL);
	if (!ivshmem->vectors) {
		pci_free_irq_vectors(pdev);
		return -ENOMEM;
	}
	for (i = 0; i < got; i++) {
		struct hawser_vector *vector = &ivshmem->vectors[i];

		vector->of = ivshmem;
		vector->number = i;
		spin_lock_init(&vector->lock);
		snprintf(vector->name, sizeof(vector->name), "hawser%d-%s%u",
			 ivshmem->number, i ? "marks" : "messages", i);
		err = request_irq(pci_irq_vector(pdev, i), on_vector, 0,
				  vector->name, vector);
		if (err) {
			free_vectors(ivshmem, i);
			return err;
		}
	}
	ivshmem->interrupts = got;
	ivshmem->window.vectors = max(got, 1);
	return 0;
}

/* Memory */

/*
 * x86 may map uncached although write-back was asked for, where firmware left
 * an uncached MTRR (SeaBIOS: 3 to 4 GiB). Correct all the same, only slow.
 * Write-combining would not be: stores would lose their order.
 */
static int memory_type(void *memory)
{
#ifdef CONFIG_X86
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)memory, &level);
	unsigned long bits;

	if (!pte)
		return -EFAULT;
	bits = pte_val(*pte) & (_PAGE_PWT | _PAGE_PCD |
				(level == PG_LEVEL_4K ? _PAGE_PAT :
							_PAGE_PAT_LARGE));
	if (!bits)
		return HAWSER_MEMORY_WRITE_BACK;
	return bits & _PAGE_PCD ? HAWSER_MEMORY_UNCACHED : -EBUSY;
#else
	return HAWSER_MEMORY_WRITE_BACK; /* normal memory, as asked for */
#endif
}

static int map_memory(struct hawser_ivshmem *ivshmem)
{
	struct pci_dev *pdev = ivshmem->pdev;
	int type;

	ivshmem->window.bytes = pci_resource_len(pdev, IVSHMEM_MEMORY);
	if (ivshmem->window.bytes < PAGE_SIZE) {
		dev_err(&pdev->dev, "no shared memory\n");
		return -ENODEV;
	}
	ivshmem->window.memory =
		memremap(pci_resource_start(pdev, IVSHMEM_MEMORY),
			 ivshmem->window.bytes, MEMREMAP_WB);
	if (!ivshmem->window.memory) {
		dev_err(&pdev->dev, "the shared memory can't be mapped\n");
		return -ENOMEM;
	}
	type = memory_type(ivshmem->window.memory);
	if (type < 0) {
		dev_err(&pdev->dev, "the shared memory is mapped write-combining by somebody else\n");
		memunmap(ivshmem->window.memory);
		return type;
	}
	ivshmem->memory_type = type;
	return 0;
}

static int read_position(struct hawser_ivshmem *ivshmem)
{
	u32 position = readl(ivshmem->registers + IVSHMEM_POSITION);

	if (position > U16_MAX) {
		dev_err(&ivshmem->pdev->dev, "the server has given us no number\n");
		return -ENODEV;
	}
	ivshmem->window.own_id = position;
	return 0;
}

/* Attributes: /sys/class/hawser/hawserN */

static const char *memory_words(const struct hawser_ivshmem *ivshmem)
{
	return ivshmem->memory_type == HAWSER_MEMORY_WRITE_BACK ? "write-back" :
								  "uncached";
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct hawser_ivshmem *ivshmem = dev_get_drvdata(dev);
	const char *reason;
	ssize_t n;

	mutex_lock(&ivshmem->mutex);
	if (ivshmem->user) {
		n = sysfs_emit(buf, "user\n");
	} else if (!ivshmem->running) {
		n = sysfs_emit(buf, "off\n");
	} else {
		switch (READ_ONCE(ivshmem->region.state)) {
		case HAWSER_REGION_RIVAL:
			n = sysfs_emit(buf, "standing by\n");
			break;
		case HAWSER_REGION_DOWN:
			n = sysfs_emit(buf, "down\n");
			break;
		case HAWSER_REGION_UP:
			n = sysfs_emit(buf, "up\n");
			break;
		case HAWSER_REGION_BROKEN:
			reason = READ_ONCE(ivshmem->region.reason);
			n = sysfs_emit(buf, "broken: %s\n", reason ? reason : "");
			break;
		default:
			n = sysfs_emit(buf, "off\n");
		}
	}
	mutex_unlock(&ivshmem->mutex);
	return n;
}
static DEVICE_ATTR_RO(state);

static ssize_t epoch_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct hawser_ivshmem *ivshmem = dev_get_drvdata(dev);
	struct hawser_region *region = &ivshmem->region;

	return sysfs_emit(buf, "%u/%u\n", READ_ONCE(region->own_epoch),
			  READ_ONCE(region->seen));
}
static DEVICE_ATTR_RO(epoch);

static ssize_t peer_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct hawser_ivshmem *ivshmem = dev_get_drvdata(dev);
	struct hawser_region *region = &ivshmem->region;
	char name[HAWSER_NAME_BYTES + 1];
	ssize_t n = 0;

	mutex_lock(&ivshmem->mutex);
	if (ivshmem->running && region->state == HAWSER_REGION_UP) {
		hawser_region_peer_name(region, name);
		n = sysfs_emit(buf, "%u%s%s\n", region->peer_id,
			       name[0] ? " " : "", name);
	}
	mutex_unlock(&ivshmem->mutex);
	return n;
}
static DEVICE_ATTR_RO(peer);

static ssize_t window_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct hawser_ivshmem *ivshmem = dev_get_drvdata(dev);

	return sysfs_emit(buf, "hawser%d, %llu bytes, %s, peer %u, %u interrupts\n",
			  ivshmem->number, ivshmem->window.bytes,
			  memory_words(ivshmem), ivshmem->window.own_id,
			  ivshmem->interrupts);
}
static DEVICE_ATTR_RO(window);

static ssize_t doorbells_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	struct hawser_ivshmem *ivshmem = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%lld\n", atomic64_read(&ivshmem->doorbells));
}
static DEVICE_ATTR_RO(doorbells);

static ssize_t link_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct hawser_ivshmem *ivshmem = dev_get_drvdata(dev);
	int number = READ_ONCE(ivshmem->link_number);

	return number < 0 ? sysfs_emit(buf, "none\n") :
			    sysfs_emit(buf, "%d\n", number);
}

/* Also how a broken link is begun anew: by writing its number again. */
static ssize_t link_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	struct hawser_ivshmem *ivshmem = dev_get_drvdata(dev);
	int number = -1;
	int err = 0;

	if (!sysfs_streq(buf, "none")) {
		err = kstrtoint(buf, 0, &number);
		if (!err && number < 0)
			err = -EINVAL;
	}
	if (err)
		return err;
	mutex_lock(&ivshmem->mutex);
	if (number == ivshmem->link_number) {
		stop_end(ivshmem); /* the devices stay */
		start_end(ivshmem);
	} else if (ivshmem->user) {
		ivshmem->link_number = number;
	} else {
		err = hawser_ivshmem_step_aside(ivshmem);
		if (!err) {
			ivshmem->link_number = number;
			start_end(ivshmem);
		}
	}
	mutex_unlock(&ivshmem->mutex);
	return err ? err : count;
}
static DEVICE_ATTR_RW(link);

static struct attribute *hawser_window_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_epoch.attr,
	&dev_attr_peer.attr,
	&dev_attr_window.attr,
	&dev_attr_doorbells.attr,
	&dev_attr_link.attr,
	NULL,
};

ATTRIBUTE_GROUPS(hawser_window);

/* The function comes and goes */

static int begin(struct hawser_ivshmem *ivshmem)
{
	struct pci_dev *pdev = ivshmem->pdev;
	int err;

	err = pci_enable_device(pdev);
	if (err)
		return err;
	err = pci_request_regions(pdev, "hawser");
	if (err)
		goto disable;
	err = -ENODEV;
	ivshmem->registers = pci_iomap(pdev, IVSHMEM_REGISTERS, 0);
	if (!ivshmem->registers ||
	    pci_resource_len(pdev, IVSHMEM_REGISTERS) < IVSHMEM_REGISTER_BYTES)
		goto release;
	err = read_position(ivshmem);
	if (err)
		goto release;
	err = map_memory(ivshmem);
	if (err)
		goto release;
	pci_set_master(pdev); /* or no interrupt arrives */
	err = request_vectors(ivshmem);
	if (!err)
		return 0;

	memunmap(ivshmem->window.memory);
release:
	if (ivshmem->registers)
		pci_iounmap(pdev, ivshmem->registers);
	pci_release_regions(pdev);
disable:
	pci_disable_device(pdev);
	return err;
}

static void end(struct hawser_ivshmem *ivshmem)
{
	struct pci_dev *pdev = ivshmem->pdev;

	free_vectors(ivshmem, ivshmem->interrupts);
	pci_clear_master(pdev);
	memunmap(ivshmem->window.memory);
	pci_iounmap(pdev, ivshmem->registers);
	pci_release_regions(pdev);
	pci_disable_device(pdev);
}

static int hawser_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct hawser_ivshmem *ivshmem;
	int err;

	ivshmem = kzalloc(sizeof(*ivshmem), GFP_KERNEL);
	if (!ivshmem)
		return -ENOMEM;
	ivshmem->pdev = pdev;
	ivshmem->link_number = link < 0 ? -1 : link;
	ivshmem->links_if_new = links;
	ivshmem->window.doorbell = doorbell;
	ivshmem->node.groups = hawser_window_groups;
	mutex_init(&ivshmem->mutex);
	INIT_DELAYED_WORK(&ivshmem->beat, beat);
	INIT_WORK(&ivshmem->tell, tell);
	err = hawser_window_prepare(ivshmem);
	if (err) {
		kfree(ivshmem);
		return err;
	}

	err = -ENOMEM;
	ivshmem->message = kmalloc(HAWSER_LONGEST_ELEMENT, GFP_KERNEL);
	if (!ivshmem->message)
		goto put;
	/* Writing back pages may wait for it: reclaim must not stop it. */
	ivshmem->work = alloc_workqueue("hawser%d", WQ_UNBOUND | WQ_HIGHPRI |
					WQ_MEM_RECLAIM, 0, ivshmem->number);
	if (!ivshmem->work)
		goto put;
	err = begin(ivshmem);
	if (err)
		goto destroy;
	pci_set_drvdata(pdev, ivshmem);
	dev_info(&pdev->dev, "hawser%d: peer %u, %u vectors, %llu KiB mapped %s\n",
		 ivshmem->number, ivshmem->window.own_id,
		 ivshmem->interrupts, ivshmem->window.bytes >> 10,
		 memory_words(ivshmem));

	err = hawser_window_appear(ivshmem);
	if (err)
		goto end;
	mutex_lock(&ivshmem->mutex);
	start_end(ivshmem);
	mutex_unlock(&ivshmem->mutex);
	return 0;

end:
	end(ivshmem);
destroy:
	destroy_workqueue(ivshmem->work);
put:
	kfree(ivshmem->message);
	put_device(&ivshmem->node);
	return err;
}

static void hawser_remove(struct pci_dev *pdev)
{
	struct hawser_ivshmem *ivshmem = pci_get_drvdata(pdev);

	hawser_window_vanish(ivshmem);
	mutex_lock(&ivshmem->mutex);
	give_up_link(ivshmem);
	mutex_unlock(&ivshmem->mutex);
	end(ivshmem);
	destroy_workqueue(ivshmem->work);
	kfree(ivshmem->message);
	put_device(&ivshmem->node);
}

static void hawser_shutdown(struct pci_dev *pdev)
{
	struct hawser_ivshmem *ivshmem = pci_get_drvdata(pdev);

	mutex_lock(&ivshmem->mutex);
	stop_end(ivshmem);
	ivshmem->suspended = true;
	mutex_unlock(&ivshmem->mutex);
}

static int __maybe_unused hawser_suspend(struct device *dev)
{
	hawser_shutdown(to_pci_dev(dev));
	return 0;
}

/* Perhaps on another host: who we are is asked again. */
static int __maybe_unused hawser_resume(struct device *dev)
{
	struct hawser_ivshmem *ivshmem = dev_get_drvdata(dev);
	int err;

	mutex_lock(&ivshmem->mutex);
	ivshmem->suspended = false;
	err = read_position(ivshmem);
	if (!err)
		start_end(ivshmem);
	mutex_unlock(&ivshmem->mutex);
	return err;
}

static SIMPLE_DEV_PM_OPS(hawser_pm, hawser_suspend, hawser_resume);

static const struct pci_device_id hawser_ids[] = {
	{ PCI_DEVICE(IVSHMEM_VENDOR, IVSHMEM_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, hawser_ids);

static struct pci_driver hawser_driver = {
	.name = "hawser_ivshmem",
	.id_table = hawser_ids,
	.probe = hawser_probe,
	.remove = hawser_remove,
	.shutdown = hawser_shutdown,
	.driver.pm = &hawser_pm,
};

static int __init hawser_ivshmem_init(void)
{
	int err = hawser_window_init();

	if (err)
		return err;
	err = pci_register_driver(&hawser_driver);
	if (err)
		hawser_window_exit();
	return err;
}
module_init(hawser_ivshmem_init);

static void __exit hawser_ivshmem_exit(void)
{
	pci_unregister_driver(&hawser_driver);
	hawser_window_exit();
}
module_exit(hawser_ivshmem_exit);

MODULE_DESCRIPTION("virtio devices of another party, over ivshmem");
MODULE_AUTHOR("The Hawser authors");
MODULE_LICENSE("Dual MIT/GPL");
