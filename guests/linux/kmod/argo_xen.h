/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * Inside hawser_argo.ko: argo_xen.c has the kernel's own links, argo_user.c
 * what user space does.
 */
#ifndef HAWSER_ARGO_XEN_H
#define HAWSER_ARGO_XEN_H

#include <linux/types.h>

/* The hypercall, and the frames of vmalloc'd memory. */
extern const struct hawser_argo_port hawser_xen_port;

/* Whether a ring is one of the kernel's own links'. Sleeps. */
bool hawser_argo_taken(u32 aport, u16 partner);

/* Whether a ring is one of a program's. Sleeps. */
bool hawser_argo_user_has(u32 aport, u16 partner);

/* argo_user.c; hard interrupt: VIRQ_ARGO came. */
void hawser_argo_user_signaled(void);
int hawser_argo_user_init(void);
void hawser_argo_user_exit(void);

#endif
