// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/* In place of dma.c: the stubs' addresses are pointers. And no counters. */

#include "../../bus.h"

const struct attribute_group *hawser_bus_groups[1];

void hawser_dma_setup(struct hawser_bus *bus)
{
	(void)bus;
}

u64 hawser_dma_features(void)
{
	return 0;
}
