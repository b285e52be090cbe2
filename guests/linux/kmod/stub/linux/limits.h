/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/* The kernel's header of this name, as far as tests in user space need it. */
#pragma once
#include_next <linux/limits.h>

#include <stdint.h>

#define U16_MAX UINT16_MAX
#define U32_MAX UINT32_MAX
#define U64_MAX UINT64_MAX
