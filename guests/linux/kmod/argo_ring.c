// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * Argo's operations, and the receiving side of a ring: argo.h.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <asm/barrier.h>
#include <asm/byteorder.h>

#include "argo.h"

/* Xen 4.17's sendv gives errors zero-extended: only 32 bits count. */
static int argo_call(const struct hawser_argo_port *port, u32 op, void *arg1,
		     void *arg2, u32 arg3, u32 arg4)
{
	return (s32)port->call(port, op, arg1, arg2, arg3, arg4);
}

int hawser_argo_register(const struct hawser_argo_port *port,
			 struct hawser_argo_scratch *scratch, u32 aport,
			 u16 partner, const struct hawser_argo_ring *ring,
			 bool only_if_new)
{
	const u8 *memory = (const u8 *)ring->header;
	u32 pages = (ring->length + sizeof(*ring->header)) /
		    HAWSER_ARGO_PAGE_BYTES;
	u32 n;

	for (n = 0; n < pages; n++) {
		u64 frame = port->frame(port, memory);

		scratch->frames[n] = cpu_to_le64(frame);
		memory += HAWSER_ARGO_PAGE_BYTES;
	}
	scratch->arg.reg = (struct hawser_argo_register_ring){
		.aport = cpu_to_le32(aport),
		.partner_id = cpu_to_le16(partner),
		.len = cpu_to_le32(ring->length),
	};
	return argo_call(port, XEN_ARGO_OP_REGISTER_RING, &scratch->arg.reg,
			 scratch->frames, pages,
			 only_if_new ? XEN_ARGO_REGISTER_FLAG_FAIL_EXIST : 0);
}

int hawser_argo_unregister(const struct hawser_argo_port *port,
			   struct hawser_argo_scratch *scratch, u32 aport,
			   u16 partner)
{
	scratch->arg.unreg = (struct hawser_argo_unregister_ring){
		.aport = cpu_to_le32(aport),
		.partner_id = cpu_to_le16(partner),
	};
	return argo_call(port, XEN_ARGO_OP_UNREGISTER_RING,
			 &scratch->arg.unreg, NULL, 0, 0);
}

int hawser_argo_sendv(const struct hawser_argo_port *port,
		      struct hawser_argo_scratch *scratch, u32 from_aport,
		      u32 to_aport, u16 to, u32 type,
		      const struct hawser_argo_part *parts, unsigned int count)
{
	unsigned int n;

	for (n = 0; n < count; n++)
		scratch->iov[n] = (struct hawser_argo_iov){
			.iov_hnd = cpu_to_le64((uintptr_t)parts[n].at),
			.iov_len = cpu_to_le32(parts[n].bytes),
		};
	scratch->arg.send = (struct hawser_argo_send_address){
		.src = {
			.aport = cpu_to_le32(from_aport),
			.domain_id = cpu_to_le16(XEN_ARGO_DOMID_ANY),
		},
		.dst = {
			.aport = cpu_to_le32(to_aport),
			.domain_id = cpu_to_le16(to),
		},
	};
	return argo_call(port, XEN_ARGO_OP_SENDV, &scratch->arg.send,
			 scratch->iov, count, type);
}

int hawser_argo_notify(const struct hawser_argo_port *port)
{
	return argo_call(port, XEN_ARGO_OP_NOTIFY, NULL, NULL, 0, 0);
}

int hawser_argo_query(const struct hawser_argo_port *port,
		      struct hawser_argo_scratch *scratch, u32 aport, u16 domain,
		      u32 bytes)
{
	int error;

	scratch->arg.query = (struct hawser_argo_ring_data){
		.nent = cpu_to_le32(1),
		.data = {
			.ring = {
				.aport = cpu_to_le32(aport),
				.domain_id = cpu_to_le16(domain),
			},
			.space_required = cpu_to_le32(bytes),
		},
	};
	error = argo_call(port, XEN_ARGO_OP_NOTIFY, &scratch->arg.query, NULL,
			  0, 0);
	if (error < 0)
		return error;
	return le16_to_cpu(scratch->arg.query.data.flags);
}

const char *hawser_argo_describe(int error)
{
	switch (error) {
	case -EPERM:
		return "the policy forbids this pair of domains (EPERM): boot Xen with xsm=dummy";
	case -EACCES:
		return "FLASK refuses (EACCES): let its policy allow argo, or boot with xsm=dummy";
	case -ESRCH:
		return "the peer's domain does not exist (ESRCH)";
	case -EEXIST:
		return "a ring of another size is registered at this port (EEXIST)";
	case -ENODEV:
		return "Xen gave this domain no Argo (ENODEV)";
	case -EINVAL:
		return "Xen refuses the ring's memory or an argument (EINVAL)";
	case -EFAULT:
		return "Xen can not read an argument (EFAULT)";
	case -ENOSPC:
		return "this domain has 128 rings (ENOSPC)";
	case -ENOSYS:
		return "this hypervisor has no Argo (ENOSYS): build Xen with CONFIG_ARGO=y";
	case -EOPNOTSUPP:
		return "Argo is switched off (EOPNOTSUPP): boot Xen with argo=1";
	default:
		return "Xen refuses with an error that Argo is not known to give";
	}
}

void hawser_argo_ring_init(struct hawser_argo_ring *ring, void *memory,
			   u32 bytes)
{
	ring->header = memory;
	ring->bytes = (u8 *)memory + sizeof(*ring->header);
	ring->length = bytes - sizeof(*ring->header);
}

void hawser_argo_ring_clear(struct hawser_argo_ring *ring)
{
	memset(ring->header, 0, sizeof(*ring->header));
	ring->at = 0;
	ring->current_bytes = 0;
	ring->freed = 0;
	ring->broken = NULL;
}

static u32 ring_after(const struct hawser_argo_ring *ring, u32 at, u32 bytes)
{
	return bytes < ring->length - at ? at + bytes :
					   bytes - (ring->length - at);
}

static const struct hawser_argo_message *
ring_broke(struct hawser_argo_ring *ring, const char *why)
{
	ring->broken = why;
	return NULL;
}

const struct hawser_argo_message *
hawser_argo_ring_peek(struct hawser_argo_ring *ring)
{
	struct hawser_argo_message *message = &ring->current_message;
	struct hawser_argo_message_header header;
	u32 tx, waiting, length, at, before_end;

	if (ring->broken)
		return NULL;
	if (ring->current_bytes)
		return message;
	/* Pairs with Xen's store of tx_ptr, after the message. */
	tx = le32_to_cpu(virt_load_acquire(&ring->header->tx_ptr));
	if (tx >= ring->length || tx % XEN_ARGO_MSG_SLOT_SIZE)
		return ring_broke(ring, "the ring's tx_ptr points outside of the ring");
	if (tx == ring->at)
		return NULL;
	waiting = tx > ring->at ? tx - ring->at : tx + ring->length - ring->at;

	/* Positions and sizes are whole slots, as the header is: no wrap. */
	memcpy(&header, ring->bytes + ring->at, sizeof(header));
	length = le32_to_cpu(header.len);
	if (length < sizeof(header))
		return ring_broke(ring, "a message in the ring is shorter than its header");
	if (length > waiting)
		return ring_broke(ring, "a message in the ring is longer than what arrived");

	message->domain = le16_to_cpu(header.source.domain_id);
	message->type = le32_to_cpu(header.message_type);
	message->bytes = length - sizeof(header);
	at = ring_after(ring, ring->at, sizeof(header));
	before_end = message->bytes;
	if (before_end > ring->length - at)
		before_end = ring->length - at;
	message->part[0].at = ring->bytes + at;
	message->part[0].bytes = before_end;
	message->part[1].at = ring->bytes;
	message->part[1].bytes = message->bytes - before_end;
	ring->current_bytes = hawser_argo_cost(message->bytes);
	return message;
}

void hawser_argo_ring_consume(struct hawser_argo_ring *ring)
{
	ring->at = ring_after(ring, ring->at, ring->current_bytes);
	ring->freed += ring->current_bytes;
	ring->current_bytes = 0;
	/* Pairs with Xen's load before it writes there: our loads are done. */
	virt_store_release(&ring->header->rx_ptr, cpu_to_le32(ring->at));
}

u32 hawser_argo_ring_occupied(const struct hawser_argo_ring *ring)
{
	u32 tx = le32_to_cpu(READ_ONCE(ring->header->tx_ptr));

	if (tx >= ring->length)
		return ring->current_bytes;
	return tx >= ring->at ? tx - ring->at : tx + ring->length - ring->at;
}
