/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* SPDX-FileCopyrightText: 2026 The Hawser authors */

/*
 * One end of a link over Xen's Argo: docs/wire/argo-bus.md in C. No Xen, no
 * device model, no locks: the caller has one lock around all calls that name
 * the same link. Also built in user space, where tests let it meet the C++
 * link and a hostile peer.
 */
#ifndef HAWSER_ARGO_H
#define HAWSER_ARGO_H

#include <linux/types.h>

#include <hawser/argo/wire.h>

/* Our longest channel message. */
#define HAWSER_ARGO_CHANNEL_MTU 1024

/* The longest ring that Xen registers (4096 pages), without its header. */
#define HAWSER_ARGO_MAX_LENGTH \
	(XEN_ARGO_MAX_RING_SIZE - sizeof(struct hawser_argo_ring_header))

/* What a message of so many bytes takes up in a ring. */
static inline u32 hawser_argo_cost(u32 bytes)
{
	return sizeof(struct hawser_argo_message_header) +
	       ((bytes + XEN_ARGO_MSG_SLOT_SIZE - 1) &
		~(XEN_ARGO_MSG_SLOT_SIZE - 1));
}

/**
 * struct hawser_argo_port - who carries out hypercalls
 * @call: HYPERVISOR_argo_op; the raw result
 * @frame: the guest frame number (4 KiB) of an address in a ring
 * @now: nanoseconds, monotonic
 *
 * All of it in any context.
 */
struct hawser_argo_port {
	s64 (*call)(const struct hawser_argo_port *port, u32 op, void *arg1,
		    void *arg2, u32 arg3, u32 arg4);
	u64 (*frame)(const struct hawser_argo_port *port, const void *at);
	u64 (*now)(const struct hawser_argo_port *port);
};

/* Some bytes of a message. */
struct hawser_argo_part {
	const u8 *at;
	u32 bytes;
};

/* A message where it lies in a ring; the second part unless it wraps: empty. */
struct hawser_argo_message {
	u16 domain;	/* who sent it: Xen's word */
	u32 type;
	u32 bytes;
	struct hawser_argo_part part[2];
};

/*
 * The receiving side of a ring. Xen writes messages and tx_ptr, we write
 * rx_ptr. Positions are private; a header is read once, and checked.
 */
struct hawser_argo_ring {
	struct hawser_argo_ring_header *header;
	u8 *bytes;
	u32 length;
	u32 at;			/* rx_ptr, as we published it */
	u32 current_bytes;	/* in the ring, of the message at hand; or 0 */
	u32 freed;		/* bytes since clear, wrapping */
	const char *broken;
	struct hawser_argo_message current_message;
};

/* Memory of whole pages, header and all; it must not contain secrets. */
void hawser_argo_ring_init(struct hawser_argo_ring *ring, void *memory,
			   u32 bytes);
/* Between unregistering and registering: forgets everything. */
void hawser_argo_ring_clear(struct hawser_argo_ring *ring);
/* The oldest message, which stays. NULL: none, or ring->broken says why not. */
const struct hawser_argo_message *
hawser_argo_ring_peek(struct hawser_argo_ring *ring);
/* Frees the message that peek returned. */
void hawser_argo_ring_consume(struct hawser_argo_ring *ring);
/* Bytes that are not free. */
u32 hawser_argo_ring_occupied(const struct hawser_argo_ring *ring);

/* Arguments of hypercalls, where the hypervisor can read and write them. */
struct hawser_argo_scratch {
	union {
		struct hawser_argo_register_ring reg;
		struct hawser_argo_unregister_ring unreg;
		struct hawser_argo_send_address send;
		struct hawser_argo_ring_data query;
	} arg;
	struct hawser_argo_iov iov[XEN_ARGO_MAXIOV];
	u8 frame[sizeof(struct hawser_argo_frame_header) +
		 HAWSER_ARGO_CHANNEL_MTU];
	__le64 frames[];	/* of the longest ring */
};

/* The four operations: 0 or more, or Xen's error as Linux knows it. */
int hawser_argo_register(const struct hawser_argo_port *port,
			 struct hawser_argo_scratch *scratch, u32 aport,
			 u16 partner, const struct hawser_argo_ring *ring,
			 bool only_if_new);
int hawser_argo_unregister(const struct hawser_argo_port *port,
			   struct hawser_argo_scratch *scratch, u32 aport,
			   u16 partner);
int hawser_argo_sendv(const struct hawser_argo_port *port,
		      struct hawser_argo_scratch *scratch, u32 from_aport,
		      u32 to_aport, u16 to, u32 type,
		      const struct hawser_argo_part *parts, unsigned int count);
/* Has Xen wake those who wait for room in our rings. */
int hawser_argo_notify(const struct hawser_argo_port *port);
/* XEN_ARGO_RING_... of a ring that we would send so many bytes to. */
int hawser_argo_query(const struct hawser_argo_port *port,
		      struct hawser_argo_scratch *scratch, u32 aport, u16 domain,
		      u32 bytes);
/* What to change, in a sentence. */
const char *hawser_argo_describe(int error);

struct hawser_argo_options {
	bool driver;		/* which end */
	u16 peer;		/* the domain at the other end */
	u32 number;		/* of the links between the two */
	u32 control_bytes;	/* of the rings, headers included: whole pages */
	u32 data_bytes;
	u32 max_parcel;
	u64 silence;		/* ns: who says nothing for so long is gone */
	u32 noise;		/* where epochs begin: as random as can be */
};

/* This link's alone, while it lives. */
struct hawser_argo_memory {
	void *control;		/* the rings: page-aligned */
	void *data;
	void *inbox;		/* half the size of control */
	struct hawser_argo_scratch *scratch;
};

enum hawser_argo_state {
	HAWSER_ARGO_DOWN,
	HAWSER_ARGO_UP,
	HAWSER_ARGO_BROKEN,
};

enum hawser_argo_event {
	HAWSER_ARGO_NOTHING,
	HAWSER_ARGO_WENT_UP,
	HAWSER_ARGO_WENT_DOWN,
	HAWSER_ARGO_BROKE,	/* link->fault says why */
};

/* Of one window of the peer's. Counts wrap. */
struct hawser_argo_credit {
	u32 window;
	u32 sent;
	u32 freed;
};

struct hawser_argo_link {
	const struct hawser_argo_port *port;
	struct hawser_argo_options options;
	struct hawser_argo_scratch *scratch;
	struct hawser_argo_ring control;
	struct hawser_argo_ring data;

	enum hawser_argo_state state;
	const char *fault;	/* a sentence; latched until reset */
	bool fault_by_peer;

	u32 own;		/* epochs */
	u32 seen;
	bool exposed[2];	/* rings, by kind: Xen may write to them */
	bool session;		/* both are registered, for this epoch */
	bool agreed;		/* the peer knows our epoch */
	bool greeted;		/* and has been told so */
	bool answering;		/* the peer was there a moment ago */
	bool present;		/* the peer's ring exists */
	bool gone;		/* up, but the peer is not: poll will say so */
	bool refused;		/* by Xen, without a signal to come */
	u64 retry_at;		/* then: when poll forgets it */
	u64 begin_at;
	u64 hello_at;
	u64 check_at;
	u64 heard_at;
	u64 said_at;

	bool have_hello;	/* what ended the last session */
	u32 hello_from;
	struct hawser_argo_hello hello;

	u32 channel_mtu;
	u32 data_mtu;
	struct hawser_argo_credit channel_credit;
	struct hawser_argo_credit data_credit;
	u32 channel_freed;	/* ours, and what the peer knows of it */
	u32 channel_told;
	u32 data_told;
	u32 data_before;	/* freed in the ring before we went up */
	bool credit_owed;

	/*
	 * Or NULL; set after init. A send met with something that poll has to
	 * see to, sooner than was due. Comes within that send.
	 */
	void (*stir)(struct hawser_argo_link *link);

	u64 marks;
	u64 marks_owed;
	bool ring_owed;

	/* Channel messages that wait for receive. */
	u8 *inbox;
	u32 inbox_bytes;
	u32 inbox_at;
	u32 inbox_used;
	u32 messages_sent;	/* of this epoch; both wrap */
	u32 messages_arrived;	/* counted before receive */
};

/* NULL, or why it can not be: a sentence. Nothing is registered yet. */
const char *hawser_argo_link_init(struct hawser_argo_link *link,
				  const struct hawser_argo_port *port,
				  const struct hawser_argo_options *options,
				  const struct hawser_argo_memory *memory);

/* Changes of state happen here; one a call. */
enum hawser_argo_event hawser_argo_poll(struct hawser_argo_link *link);
/* When to call poll again, if not before: ns, or U64_MAX. */
u64 hawser_argo_due(const struct hawser_argo_link *link);
/* After a signal: reads frames. True: poll has something to say. */
bool hawser_argo_look(struct hawser_argo_link *link);
/* Before nobody looks for a while: what is owed is said. */
void hawser_argo_settle(struct hawser_argo_link *link);

/*
 * The channel, and parcels: whole, once, in order. 0, -EAGAIN (no room now),
 * -EMSGSIZE, -ENOTCONN (not up), -EPIPE (broken).
 */
int hawser_argo_send(struct hawser_argo_link *link, const void *message,
		     size_t bytes);
int hawser_argo_send_parcel(struct hawser_argo_link *link,
			    const struct hawser_argo_part *parts,
			    unsigned int count);
/* Bytes, or -EAGAIN, -EMSGSIZE, -ENOTCONN. */
int hawser_argo_receive(struct hawser_argo_link *link, void *to, size_t bytes);
/* The oldest parcel where it lies, or NULL. It stays until released. */
const struct hawser_argo_message *
hawser_argo_receive_parcel(struct hawser_argo_link *link);
void hawser_argo_release_parcel(struct hawser_argo_link *link);

/* Rings marks; 0: rings. */
void hawser_argo_mark(struct hawser_argo_link *link, u64 marks);
u64 hawser_argo_take_marks(struct hawser_argo_link *link);

/* Somebody above found the peer to break a protocol: poll breaks the link. */
void hawser_argo_fail(struct hawser_argo_link *link, const char *why);
/* From broken to down, or from anything to a new epoch. */
void hawser_argo_reset(struct hawser_argo_link *link);
/*
 * Says good-bye. True: the memory is the caller's again. False: Xen would not
 * unregister a ring, and may write to it still.
 */
bool hawser_argo_leave(struct hawser_argo_link *link);

#endif
