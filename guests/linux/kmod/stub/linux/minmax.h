/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/* The kernel's header of this name, as far as tests in user space need it. */
#pragma once

#define min(a, b)                        \
	({                               \
		__typeof__(a) a_ = (a);  \
		__typeof__(b) b_ = (b);  \
		a_ < b_ ? a_ : b_;       \
	})
#define max(a, b)                        \
	({                               \
		__typeof__(a) a_ = (a);  \
		__typeof__(b) b_ = (b);  \
		a_ > b_ ? a_ : b_;       \
	})
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define max3(a, b, c) max(max(a, b), c)
