/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * /dev/hawser_argo: this domain's Argo for a program of user space. It may be
 * open several times. What mmap() at offset 0 gives, once for each, is memory
 * of this kernel that does not move: rings, arguments and payload must lie in
 * it. When the last descriptor and the last mapping are gone, however that
 * came, the rings are unregistered, and only then the memory is given back.
 */
#ifndef HAWSER_UAPI_ARGO_H
#define HAWSER_UAPI_ARGO_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HAWSER_ARGO_USER_VERSION 1
#define HAWSER_ARGO_USER_MOST (64u << 20)	/* bytes of one mapping */

struct hawser_argo_user_info {
	__u32 version;
	__u32 reserved;
};

/*
 * HYPERVISOR_argo_op as xen/argo.h has it, but: pointers are the caller's own,
 * which sees the first byte of the mapping at @base; frame numbers of a ring
 * are page numbers (4 KiB) in the mapping; a query by notify is of one ring.
 */
struct hawser_argo_user_call {
	__u32 op;
	__s32 result;	/* Xen's */
	__u64 base;
	__u64 arg1;
	__u64 arg2;
	__u32 arg3;
	__u32 arg4;
};

#define HAWSER_ARGO_USER_INFO _IOR('h', 0xe8, struct hawser_argo_user_info)
#define HAWSER_ARGO_USER_CALL _IOWR('h', 0xe9, struct hawser_argo_user_call)
/* From now on VIRQ_ARGO is a write of 1 to this eventfd; -1: to none. */
#define HAWSER_ARGO_USER_BELL _IOW('h', 0xea, __s32)

#endif
