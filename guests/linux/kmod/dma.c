// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * The device of a driver's ring is this kernel, so the addresses in a ring are
 * physical ones, without IOMMU or bounce buffers. Without ACCESS_PLATFORM
 * virtio_ring puts them there itself, at no cost. It asks the parent device all
 * the same on Xen; and a guest with encrypted memory refuses devices without
 * that feature. For these two the parent maps every page to itself.
 */

#include <linux/cc_platform.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/scatterlist.h>
#include <linux/virtio_config.h>

#include "bus.h"

static void *identity_alloc(struct device *dev, size_t bytes, dma_addr_t *at,
			    gfp_t gfp, unsigned long attrs)
{
	void *memory = alloc_pages_exact(bytes, gfp | __GFP_ZERO);

	if (memory)
		*at = virt_to_phys(memory);
	return memory;
}

static void identity_free(struct device *dev, size_t bytes, void *memory,
			  dma_addr_t at, unsigned long attrs)
{
	free_pages_exact(memory, bytes);
}

#ifdef HAWSER_MAP_PHYS	/* Linux 6.18 */
static dma_addr_t identity_map(struct device *dev, phys_addr_t phys,
			       size_t bytes, enum dma_data_direction direction,
			       unsigned long attrs)
{
	return phys;
}
#else
static dma_addr_t identity_map(struct device *dev, struct page *page,
			       unsigned long offset, size_t bytes,
			       enum dma_data_direction direction,
			       unsigned long attrs)
{
	return page_to_phys(page) + offset;
}
#endif

static int identity_map_sg(struct device *dev, struct scatterlist *list,
			   int count, enum dma_data_direction direction,
			   unsigned long attrs)
{
	struct scatterlist *entry;
	int n;

	for_each_sg(list, entry, count, n) {
		sg_dma_address(entry) = sg_phys(entry);
		sg_dma_len(entry) = entry->length;
	}
	return count;
}

static const struct dma_map_ops identity = {
	.alloc = identity_alloc,
	.free = identity_free,
	.map_sg = identity_map_sg,
#ifdef HAWSER_MAP_PHYS
	.map_phys = identity_map,
#else
	.map_page = identity_map,
#endif
};

void hawser_dma_setup(struct hawser_bus *bus)
{
	bus->dma_mask = DMA_BIT_MASK(64);
	bus->dev.dma_mask = &bus->dma_mask;
	bus->dev.coherent_dma_mask = DMA_BIT_MASK(64);
	set_dma_ops(&bus->dev, &identity);
}

u64 hawser_dma_features(void)
{
	return cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT) ?
	       BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) : 0;
}
