/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/* The kernel's header of this name, as far as tests in user space need it. */
#pragma once
#include_next <asm/byteorder.h>

#define cpu_to_le16 __cpu_to_le16
#define cpu_to_le32 __cpu_to_le32
#define cpu_to_le64 __cpu_to_le64
#define le16_to_cpu __le16_to_cpu
#define le32_to_cpu __le32_to_cpu
#define le64_to_cpu __le64_to_cpu

#define le32_add_cpu(at, n) ((void)(*(at) = cpu_to_le32(le32_to_cpu(*(at)) + (n))))
