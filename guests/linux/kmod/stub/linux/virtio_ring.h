/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/* The interface is user space's, the rest is the stub's. */
#pragma once

#ifdef __cplusplus	/* its inline functions are C only */
#define VIRTIO_RING_NO_LEGACY
#include_next <linux/virtio_ring.h>

#define vring_used_event(ring) ((ring)->avail->ring[(ring)->num])
#else
#include_next <linux/virtio_ring.h>
#endif
#include <stub/kernel.h>
