/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/* The interface is user space's, the rest is the stub's. */
#pragma once

#include_next <linux/virtio_config.h>
#include <stub/kernel.h>
