/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/* The kernel's header of this name, as far as tests in user space need it. */
#pragma once

#include <string.h>

static inline long strscpy_pad(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size - 1);

	memset(to, 0, size);
	memcpy(to, from, length);
	return (long)length;
}
