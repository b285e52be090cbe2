/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/* The kernel's header of this name, as far as tests in user space need it. */
#pragma once

typedef struct {
	int taken;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->taken = 0;
}

static inline void stub_lock(spinlock_t *lock)
{
	if (lock->taken++)
		__builtin_trap();
}

static inline void stub_unlock(spinlock_t *lock)
{
	if (--lock->taken)
		__builtin_trap();
}

#define spin_lock_irqsave(lock, flags) ((flags) = 0, stub_lock(lock))
#define spin_unlock_irqrestore(lock, flags) ((void)(flags), stub_unlock(lock))
#define spin_lock(lock) stub_lock(lock)
#define spin_unlock(lock) stub_unlock(lock)
#define spin_lock_irq(lock) stub_lock(lock)
#define spin_unlock_irq(lock) stub_unlock(lock)
