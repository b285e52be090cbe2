/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * /dev/hawserN: an ivshmem window for a program of user space. Whoever has it
 * open has the window; the kernel's own end steps aside meanwhile. The window
 * is mapped by mmap() at offset 0. No register is mapped: BAR0 is smaller than
 * a page, so its page may have other devices' registers in it.
 */
#ifndef HAWSER_WINDOW_H
#define HAWSER_WINDOW_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HAWSER_WINDOW_VERSION 1

/* How the processor caches the window where this guest maps it. */
#define HAWSER_MEMORY_WRITE_BACK 1
#define HAWSER_MEMORY_UNCACHED 2

struct hawser_window_info {
	__u32 version;
	__u32 memory_type;
	__u64 bytes;
	__u16 own_id;	/* by which number others ring us */
	__u16 vectors;	/* how many of ours others may ring, at least 1 */
	__u32 interrupts;	/* 0: nobody can ring us; look every 50 ms */
};

/* From now on a ring of this vector is a write of 1 to this eventfd; -1: of none. */
struct hawser_window_bell {
	__u32 vector;
	__s32 eventfd;
};

#define HAWSER_WINDOW_INFO _IOR('h', 0xe0, struct hawser_window_info)
#define HAWSER_WINDOW_BELL _IOW('h', 0xe1, struct hawser_window_bell)
/* The argument is not a pointer: peer << 16 | vector. */
#define HAWSER_WINDOW_RING _IO('h', 0xe2)

#endif
