/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/* One ivshmem function, as pci.c and window.c share it. */
#ifndef HAWSER_IVSHMEM_H
#define HAWSER_IVSHMEM_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "link.h"
#include "region.h"

struct eventfd_ctx;
struct hawser_ivshmem;

struct hawser_vector {
	struct hawser_ivshmem *of;
	unsigned int number;
	char name[32];
	spinlock_t lock;	/* bell */
	struct eventfd_ctx *bell;
};

struct hawser_ivshmem {
	struct pci_dev *pdev;
	void __iomem *registers;
	struct hawser_window window;
	u32 memory_type;
	unsigned int interrupts;
	struct hawser_vector *vectors;
	int number;			/* of /dev/hawserN */
	atomic64_t doorbells;		/* rung, by whoever has the window */

	struct mutex mutex;		/* who has the window, and its changes */
	bool gone;			/* the function was taken away */
	struct file *user;		/* has /dev/hawserN open */
	bool suspended;
	int link_number;		/* below 0: none for the kernel */
	u32 links_if_new;

	/* The kernel's end. */
	bool running;
	bool attached;
	struct hawser_link link;
	struct hawser_region region;
	struct workqueue_struct *work;
	struct delayed_work beat;	/* heartbeat, and what it sees */
	struct work_struct tell;	/* the bus: of ups, downs and messages */
	u32 told;			/* the up count that the bus knows */
	u8 *message;

	struct device node;
	struct cdev cdev;
};

/* pci.c; all under the mutex */
int hawser_ivshmem_step_aside(struct hawser_ivshmem *ivshmem);
void hawser_ivshmem_step_in(struct hawser_ivshmem *ivshmem);
void hawser_ivshmem_ring(struct hawser_ivshmem *ivshmem, u16 peer, u16 vector);

/* window.c */
int hawser_window_init(void);
void hawser_window_exit(void);
/* From here on @ivshmem goes when the last reference to its node does. */
int hawser_window_prepare(struct hawser_ivshmem *ivshmem);
int hawser_window_appear(struct hawser_ivshmem *ivshmem);
void hawser_window_vanish(struct hawser_ivshmem *ivshmem);
void hawser_window_rung(struct hawser_vector *vector);

#endif
