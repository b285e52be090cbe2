// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The Hawser authors

/*
 * One end of a link over Argo: epochs, handshake, heartbeats, credit, and the
 * two channels. Clauses are those of docs/wire/argo-bus.md.
 *
 *   start         register, send HELLO {E, to 0} once the peer's ring exists
 *   HELLO from P  answer HELLO {E, to P}
 *   HELLO to E    up, once our HELLO {E, to P} is sent
 *
 * Who goes down registers its rings anew, which is the next epoch. Xen tells
 * nobody that a ring appeared or a domain died, so all of it is looked for.
 */
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "argo.h"

#define MS 1000000ull

#define BEGIN_NS	(10 * MS)	/* for a domain that may appear */
#define PROBE_NS	(20 * MS)	/* for a ring that may: at most 50 */
#define HELLO_NS	(100 * MS)	/* HELLO again, unanswered */
#define CHECK_NS	(250 * MS)	/* are our own rings registered still? */
#define RETRY_NS	(4 * MS)	/* after EBUSY or ENOMEM: no signal comes */
#define BEATS_PER_SILENCE 4

#define FRAME_HEADER_BYTES sizeof(struct hawser_argo_frame_header)
#define LONGEST_FRAME (FRAME_HEADER_BYTES + HAWSER_ARGO_CHANNEL_MTU)

enum ring_kind {
	CONTROL,
	DATA,
};

/* How a send ended. */
enum sent {
	SENT,
	NO_ROOM,	/* now; perhaps later */
	LOST,		/* the peer's ring is gone */
	FAULT,
};

/* What is left of a frame: its bytes may wrap around the ring's end. */
struct rest {
	struct hawser_argo_part part[2];
};

static u32 port_of(const struct hawser_argo_link *link, bool driver,
		   enum ring_kind kind)
{
	return HAWSER_ARGO_FIRST_PORT +
	       HAWSER_ARGO_PORTS * link->options.number +
	       (driver ? HAWSER_ARGO_PORT_DRIVER : 0) +
	       (kind == DATA ? HAWSER_ARGO_PORT_DATA : 0);
}

static u32 own_port(const struct hawser_argo_link *link, enum ring_kind kind)
{
	return port_of(link, link->options.driver, kind);
}

static u32 peer_port(const struct hawser_argo_link *link, enum ring_kind kind)
{
	return port_of(link, !link->options.driver, kind);
}

static u64 now_of(const struct hawser_argo_link *link)
{
	return link->port->now(link->port);
}

/* The clock may have been looked at again since. */
static u64 elapsed(u64 since, u64 now)
{
	return now > since ? now - since : 0;
}

static u32 message_cost(u32 bytes)
{
	return hawser_argo_cost(FRAME_HEADER_BYTES + bytes);
}

static u32 own_data_mtu(const struct hawser_argo_link *link)
{
	return min_t(u32, link->options.max_parcel,
		     link->data.length -
			     hawser_argo_cost(XEN_ARGO_MSG_SLOT_SIZE));
}

/* Time heals these, or the peer. */
static bool passing(int error)
{
	return error == -EAGAIN || error == -ENOMEM || error == -EBUSY ||
	       error == -ESRCH || error == -ECONNREFUSED;
}

static void fault(struct hawser_argo_link *link, bool by_peer, const char *why)
{
	if (link->fault)
		return;
	link->fault = why;
	link->fault_by_peer = by_peer;
}

static void peer_fault(struct hawser_argo_link *link, const char *why)
{
	fault(link, true, why);
}

static void carrier_fault(struct hawser_argo_link *link, int error)
{
	fault(link, false, hawser_argo_describe(error));
}

/* Credit: the sender never sends more than there is room for. */

static u32 credit_left(const struct hawser_argo_credit *credit)
{
	return credit->window - (credit->sent - credit->freed);
}

/* False: the peer can not have freed that. */
static bool credit_update(struct hawser_argo_credit *credit, u32 freed)
{
	if (freed - credit->freed > credit->sent - credit->freed)
		return false;
	credit->freed = freed;
	return true;
}

static u32 data_freed(const struct hawser_argo_link *link)
{
	if (link->state != HAWSER_ARGO_UP)
		return 0;
	return link->data.freed - link->data_before;
}

/*
 * A frame of its own is worth it when the peer, by what it knows, may find too
 * little room for its longest.
 */
static bool channel_credit_is_missed(const struct hawser_argo_link *link)
{
	u32 untold = link->channel_freed - link->channel_told;

	return untold && message_cost(link->channel_mtu) >
				 link->inbox_bytes - link->inbox_used - untold;
}

static bool data_credit_is_missed(const struct hawser_argo_link *link)
{
	u32 untold = data_freed(link) - link->data_told;
	u32 in_use = hawser_argo_ring_occupied(&link->data) + untold;

	return untold && (in_use >= link->data.length ||
			  hawser_argo_cost(link->data_mtu) >=
				  link->data.length - in_use);
}

/* Frames out. */

static enum sent judge(struct hawser_argo_link *link, int result)
{
	switch (result) {
	case -EBUSY:
	case -ENOMEM:
		if (!link->refused)
			link->retry_at = now_of(link) + RETRY_NS;
		link->refused = true;
		return NO_ROOM;
	case -EAGAIN:
		return NO_ROOM;
	case -ECONNREFUSED:
	case -ESRCH:
		return LOST;
	case -EMSGSIZE:
		peer_fault(link, "the peer's ring is shorter than it said");
		return FAULT;
	default:
		carrier_fault(link, result);
		return FAULT;
	}
}

/* What poll has to see to is said: it may come of a driver's kick. */
static enum sent outcome(struct hawser_argo_link *link, int result)
{
	bool refused = link->refused;
	enum sent sent;

	if (result >= 0)
		return SENT;
	sent = judge(link, result);
	if (link->stir && link->state == HAWSER_ARGO_UP &&
	    (sent != NO_ROOM || link->refused != refused))
		link->stir(link);
	return sent;
}

/* Every frame carries the credit there is. */
static enum sent send_frame(struct hawser_argo_link *link, u32 kind,
			    const void *body, u32 bytes)
{
	u32 freed = data_freed(link);
	struct hawser_argo_frame_header header = {
		.from = cpu_to_le32(link->own),
		.to = cpu_to_le32(link->seen),
		.channel_freed = cpu_to_le32(link->channel_freed),
		.data_freed = cpu_to_le32(freed),
	};
	struct hawser_argo_part part = {
		.at = link->scratch->frame,
		.bytes = sizeof(header) + bytes,
	};
	enum sent sent;

	memcpy(link->scratch->frame, &header, sizeof(header));
	if (bytes)
		memcpy(link->scratch->frame + sizeof(header), body, bytes);
	sent = outcome(link, hawser_argo_sendv(link->port, link->scratch,
					       own_port(link, CONTROL),
					       peer_port(link, CONTROL),
					       link->options.peer, kind, &part,
					       1));
	if (sent == SENT) {
		link->channel_told = link->channel_freed;
		link->data_told = freed;
		link->said_at = now_of(link);
	} else if (sent == LOST && link->state == HAWSER_ARGO_UP) {
		link->gone = true;
	}
	return sent;
}

/* Kept if there is no room for it. */
static void tell(struct hawser_argo_link *link)
{
	link->credit_owed = !link->gone && !link->fault &&
			    send_frame(link, HAWSER_ARGO_CREDIT, NULL, 0) ==
				    NO_ROOM;
}

static void send_marks(struct hawser_argo_link *link)
{
	struct hawser_argo_marks body = {
		.marks = cpu_to_le64(link->marks_owed),
	};

	if (!link->ring_owed || link->gone || link->fault)
		return;
	if (send_frame(link, HAWSER_ARGO_MARKS, &body, sizeof(body)) != SENT)
		return;
	link->ring_owed = false;
	link->marks_owed = 0;
}

/* Sessions. */

static void close_session(struct hawser_argo_link *link)
{
	link->state = HAWSER_ARGO_DOWN;
	link->session = false;
	link->agreed = false;
	link->greeted = false;
	link->answering = false;
	link->present = false;
	link->gone = false;
	link->refused = false;
	link->credit_owed = false;
	link->ring_owed = false;
	link->seen = 0;
	link->marks = 0;
	link->marks_owed = 0;
	link->inbox_at = 0;
	link->inbox_used = 0;
}

/* Whatever Xen answers: it may have the ring from here on. */
static int expose_ring(struct hawser_argo_link *link, enum ring_kind kind,
		       bool only_if_new)
{
	link->exposed[kind] = true;
	return hawser_argo_register(link->port, link->scratch,
				    own_port(link, kind), link->options.peer,
				    kind == DATA ? &link->data : &link->control,
				    only_if_new);
}

/* That there is none is no error. */
static int forget_ring(struct hawser_argo_link *link, enum ring_kind kind)
{
	int error = hawser_argo_unregister(link->port, link->scratch,
					   own_port(link, kind),
					   link->options.peer);

	if (error < 0 && error != -ENOENT)
		return error;
	link->exposed[kind] = false;
	return 0;
}

/* Rings outlast sessions, and a session may begin with one of them only. */
static void end_session(struct hawser_argo_link *link)
{
	if (link->state == HAWSER_ARGO_UP)
		send_frame(link, HAWSER_ARGO_BYE, NULL, 0);
	forget_ring(link, CONTROL);
	forget_ring(link, DATA);
}

/* A new epoch of the peer, and what it takes. */
static void adopt(struct hawser_argo_link *link, u32 from,
		  const struct hawser_argo_hello *hello)
{
	u32 channel_window = le32_to_cpu(hello->channel_window);
	u32 channel_mtu = le32_to_cpu(hello->channel_mtu);
	u32 data_window = le32_to_cpu(hello->data_window);
	u32 data_mtu = le32_to_cpu(hello->data_mtu);

	if (!le32_to_cpu(hello->version))
		return peer_fault(link, "the peer speaks no version of the link protocol");
	if (channel_mtu < HAWSER_ARGO_MIN_CHANNEL_MTU ||
	    channel_mtu > XEN_ARGO_MAX_RING_SIZE ||
	    channel_window < message_cost(channel_mtu) ||
	    channel_window > XEN_ARGO_MAX_RING_SIZE)
		return peer_fault(link, "the peer's window for channel messages is none");
	if (data_window > HAWSER_ARGO_MAX_LENGTH ||
	    data_window % XEN_ARGO_MSG_SLOT_SIZE ||
	    data_mtu < HAWSER_ARGO_MIN_DATA_MTU || data_mtu >= data_window ||
	    hawser_argo_cost(data_mtu) >= data_window)
		return peer_fault(link, "the peer's data ring is none");
	link->seen = from;
	link->channel_mtu = min_t(u32, HAWSER_ARGO_CHANNEL_MTU, channel_mtu);
	link->data_mtu = min(own_data_mtu(link), data_mtu);
	link->channel_credit = (struct hawser_argo_credit){
		.window = channel_window,
	};
	link->data_credit = (struct hawser_argo_credit){
		.window = data_window,
	};
	link->channel_freed = 0;
	link->channel_told = 0;
	link->data_told = 0;
	link->messages_sent = 0;
	link->messages_arrived = 0;
	link->greeted = false;
	link->answering = true;
	link->hello_at = 0;
}

/* Fresh rings, and so a new epoch. */
static void begin(struct hawser_argo_link *link, u64 now)
{
	int kind, error;

	if (now < link->begin_at)
		return;
	link->begin_at = now + BEGIN_NS;
	for (kind = CONTROL; kind <= DATA; kind++) {
		error = forget_ring(link, kind);
		if (error < 0)
			return carrier_fault(link, error);
	}
	hawser_argo_ring_clear(&link->control);
	hawser_argo_ring_clear(&link->data);
	for (kind = CONTROL; kind <= DATA; kind++) {
		error = expose_ring(link, kind, false);
		/* The peer's domain is not there yet, or Xen short of memory. */
		if (error < 0 && passing(error))
			return;
		if (error < 0)
			return carrier_fault(link, error);
	}
	link->own = link->own ? link->own + 1 : link->options.noise;
	if (!link->own)
		link->own = 1;
	link->session = true;
	link->hello_at = 0;
	link->check_at = 0;
	if (link->have_hello) {
		link->have_hello = false;
		adopt(link, link->hello_from, &link->hello);
	}
}

static enum hawser_argo_event broke(struct hawser_argo_link *link)
{
	end_session(link);
	close_session(link);
	link->state = HAWSER_ARGO_BROKEN;
	return HAWSER_ARGO_BROKE;
}

/*
 * Xen removes our rings when the peer's domain is destroyed, and tells nobody:
 * a new domain of that id would find none.
 */
static bool still_registered(struct hawser_argo_link *link, u64 now)
{
	int error;

	link->check_at = now + CHECK_NS;
	error = expose_ring(link, CONTROL, true);
	/* With 128 rings Xen says so before it looks for this one. */
	if (error == -EEXIST || error == -ENOSPC)
		return true;
	if (error < 0 && !passing(error))
		carrier_fault(link, error);
	else
		close_session(link);
	return false;
}

/*
 * HELLO when it is time. Asks for the peer's ring first: Xen logs a line for
 * each send to a ring that is not there.
 */
static void greet(struct hawser_argo_link *link, u64 now)
{
	struct hawser_argo_hello body = {
		.version = cpu_to_le32(HAWSER_ARGO_VERSION),
		.channel_window = cpu_to_le32(link->inbox_bytes),
		.channel_mtu = cpu_to_le32(HAWSER_ARGO_CHANNEL_MTU),
		.data_window = cpu_to_le32(link->data.length),
		.data_mtu = cpu_to_le32(own_data_mtu(link)),
	};
	bool was_present;
	int flags;

	if (now < link->hello_at)
		return;
	link->hello_at = now + PROBE_NS;
	if (!link->answering) {
		flags = hawser_argo_query(link->port, link->scratch,
					  peer_port(link, CONTROL),
					  link->options.peer,
					  FRAME_HEADER_BYTES + sizeof(body));
		if (flags < 0) {
			if (!passing(flags))
				carrier_fault(link, flags);
			return;
		}
		was_present = link->present;
		link->present = flags & XEN_ARGO_RING_EXISTS;
		if (!link->present)
			return;
		if ((!was_present || now >= link->check_at) &&
		    !still_registered(link, now))
			return;
		if (!(flags & XEN_ARGO_RING_SUFFICIENT))
			return;
	}
	switch (send_frame(link, HAWSER_ARGO_HELLO, &body, sizeof(body))) {
	case SENT:
		link->greeted = link->seen;
		link->answering = false;
		link->hello_at = now + HELLO_NS;
		break;
	case LOST:
		link->answering = false;
		/* It is not there any more: what it said is worth nothing. */
		if (link->agreed)
			close_session(link);
		break;
	case NO_ROOM:
	case FAULT:
		break;
	}
}

/*
 * What a peer of an older epoch sent before it knew of ours. All of it came
 * before the HELLO that we go up by.
 */
static void drop_stale_parcels(struct hawser_argo_link *link)
{
	u32 left = link->data.length / XEN_ARGO_MSG_SLOT_SIZE;
	const struct hawser_argo_message *parcel;
	bool dropped = false;

	for (; left; left--) {
		parcel = hawser_argo_ring_peek(&link->data);
		if (!parcel || parcel->type == link->seen)
			break;
		hawser_argo_ring_consume(&link->data);
		dropped = true;
	}
	link->data_before = link->data.freed;
	if (dropped)
		hawser_argo_notify(link->port);
}

/* Down. */
static enum hawser_argo_event meet(struct hawser_argo_link *link, u64 now)
{
	if (!(link->agreed && link->greeted))
		greet(link, now);
	if (link->fault || !link->session || !link->agreed || !link->greeted)
		return HAWSER_ARGO_NOTHING;
	drop_stale_parcels(link);
	link->state = HAWSER_ARGO_UP;
	link->heard_at = now;
	link->said_at = now;
	return HAWSER_ARGO_WENT_UP;
}

/* Up. */
static enum hawser_argo_event keep_up(struct hawser_argo_link *link, u64 now)
{
	if (link->gone ||
	    elapsed(link->heard_at, now) >= link->options.silence) {
		close_session(link);
		return HAWSER_ARGO_WENT_DOWN;
	}
	if (link->refused && now >= link->retry_at)
		link->refused = false;
	hawser_argo_settle(link);
	if (elapsed(link->said_at, now) >=
	    link->options.silence / BEATS_PER_SILENCE) {
		/* An attempt counts: who takes nothing is not asked faster. */
		link->said_at = now;
		send_frame(link, HAWSER_ARGO_BEAT, NULL, 0);
		/* Whoever was refused by Xen is helped out now at the latest. */
		hawser_argo_notify(link->port);
	}
	return HAWSER_ARGO_NOTHING;
}

enum hawser_argo_event hawser_argo_poll(struct hawser_argo_link *link)
{
	enum hawser_argo_event event = HAWSER_ARGO_NOTHING;
	u64 now;

	if (link->state == HAWSER_ARGO_BROKEN)
		return HAWSER_ARGO_NOTHING;
	now = now_of(link);
	if (!link->fault && !link->session)
		begin(link, now);
	hawser_argo_look(link);
	if (!link->fault && link->session)
		event = link->state == HAWSER_ARGO_UP ? keep_up(link, now) :
							meet(link, now);
	return link->fault ? broke(link) : event;
}

u64 hawser_argo_due(const struct hawser_argo_link *link)
{
	u64 due;

	if (link->state == HAWSER_ARGO_BROKEN)
		return U64_MAX;
	if (!link->session)
		return link->begin_at;
	if (link->gone || link->fault)
		return 0;
	if (link->state != HAWSER_ARGO_UP)
		return link->agreed && link->greeted ? 0 : link->hello_at;
	due = min(link->said_at + link->options.silence / BEATS_PER_SILENCE,
		  link->heard_at + link->options.silence);
	return link->refused ? min(due, link->retry_at) : due;
}

void hawser_argo_settle(struct hawser_argo_link *link)
{
	if (link->state != HAWSER_ARGO_UP || link->fault)
		return;
	send_marks(link);
	if (link->credit_owed || data_credit_is_missed(link))
		tell(link);
}

/* Frames in. */

static u32 rest_bytes(const struct rest *rest)
{
	return rest->part[0].bytes + rest->part[1].bytes;
}

/* The front of what is left of a frame, which then is left without it. */
static bool cut(struct rest *rest, void *to, u32 bytes)
{
	u32 at = 0;
	int n;

	if (rest_bytes(rest) < bytes)
		return false;
	for (n = 0; n < 2; n++) {
		struct hawser_argo_part *part = &rest->part[n];
		u32 some = min(part->bytes, bytes - at);

		memcpy((u8 *)to + at, part->at, some);
		at += some;
		part->at += some;
		part->bytes -= some;
	}
	return true;
}

static void inbox_put(struct hawser_argo_link *link, u32 at, const void *from,
		      u32 bytes)
{
	u32 some;

	at %= link->inbox_bytes;
	some = min(bytes, link->inbox_bytes - at);
	memcpy(link->inbox + at, from, some);
	memcpy(link->inbox, (const u8 *)from + some, bytes - some);
}

/* As in the ring: a slot with the length, then the bytes, which may wrap. */
static void take_message(struct hawser_argo_link *link, const struct rest *rest)
{
	u32 bytes = rest_bytes(rest);
	u32 tail;

	if (bytes > link->channel_mtu)
		return peer_fault(link, "a message of the peer is longer than agreed");
	if (message_cost(bytes) > link->inbox_bytes - link->inbox_used)
		return peer_fault(link, "the peer sent more messages than it had credit for");
	tail = (link->inbox_at + link->inbox_used) % link->inbox_bytes;
	memcpy(link->inbox + tail, &bytes, sizeof(bytes));
	tail += XEN_ARGO_MSG_SLOT_SIZE;
	inbox_put(link, tail, rest->part[0].at, rest->part[0].bytes);
	inbox_put(link, tail + rest->part[0].bytes, rest->part[1].at,
		  rest->part[1].bytes);
	link->inbox_used += message_cost(bytes);
	link->messages_arrived++;
}

/* False: look no further. */
static bool take_hello(struct hawser_argo_link *link, u32 from, u32 to,
		       struct rest *rest)
{
	struct hawser_argo_hello hello;

	if (!cut(rest, &hello, sizeof(hello))) {
		peer_fault(link, "the peer's HELLO is cut short");
		return false;
	}
	if (link->state == HAWSER_ARGO_UP) {
		if (from == link->seen && to == link->own)
			return true;	/* said twice */
		link->have_hello = true;	/* answered in the next session */
		link->hello_from = from;
		link->hello = hello;
		link->gone = true;
		return false;
	}
	if (from != link->seen)
		adopt(link, from, &hello);
	link->agreed = !link->fault && to == link->own;
	return !link->fault && !link->agreed;
}

/* False: look no further. */
static bool take_frame(struct hawser_argo_link *link,
		       const struct hawser_argo_message *frame, u64 now)
{
	struct rest rest = { .part = { frame->part[0], frame->part[1] } };
	struct hawser_argo_frame_header header;
	struct hawser_argo_marks marks;
	u32 from, to;

	if (frame->domain != link->options.peer)
		peer_fault(link, "another domain's message is in the peer's ring");
	if (!cut(&rest, &header, sizeof(header)) || !header.from)
		peer_fault(link, "a frame of the peer has no header");
	if (link->fault)
		return false;
	from = le32_to_cpu(header.from);
	to = le32_to_cpu(header.to);
	if (frame->type == HAWSER_ARGO_HELLO)
		return take_hello(link, from, to, &rest);
	if (link->state != HAWSER_ARGO_UP || from != link->seen ||
	    to != link->own)
		return true;	/* from another epoch */
	link->heard_at = now;
	if (!credit_update(&link->channel_credit,
			   le32_to_cpu(header.channel_freed)) ||
	    !credit_update(&link->data_credit, le32_to_cpu(header.data_freed)))
		peer_fault(link, "the peer freed more room than there was in use");
	switch (frame->type) {
	case HAWSER_ARGO_MESSAGE:
		take_message(link, &rest);
		break;
	case HAWSER_ARGO_MARKS:
		if (cut(&rest, &marks, sizeof(marks)))
			link->marks |= le64_to_cpu(marks.marks);
		else
			peer_fault(link, "the peer's marks are cut short");
		break;
	case HAWSER_ARGO_BYE:
		link->gone = true;
		break;
	case HAWSER_ARGO_CREDIT:
	case HAWSER_ARGO_BEAT:
		break;
	default:
		peer_fault(link, "the peer sent a frame of a kind that does not exist");
	}
	return !link->fault && !link->gone;
}

bool hawser_argo_look(struct hawser_argo_link *link)
{
	u32 left = link->control.length / XEN_ARGO_MSG_SLOT_SIZE;
	const struct hawser_argo_message *frame;
	bool took = false;
	u32 room;
	u64 now;

	/* What ends this session, or begins the next, is for poll. */
	if (!link->session || link->fault || link->gone ||
	    (link->agreed && link->state != HAWSER_ARGO_UP))
		return link->session;
	now = now_of(link);
	room = link->control.length - hawser_argo_ring_occupied(&link->control);
	for (; left; left--) {
		bool more;

		frame = hawser_argo_ring_peek(&link->control);
		if (!frame) {
			if (link->control.broken)
				peer_fault(link, link->control.broken);
			break;
		}
		more = take_frame(link, frame, now);
		hawser_argo_ring_consume(&link->control);
		took = true;
		if (!more)
			break;
	}
	/* Only then can Xen have refused anything. */
	if (took && room <= hawser_argo_cost(LONGEST_FRAME))
		hawser_argo_notify(link->port);
	return link->fault || link->gone ||
	       (took && link->state != HAWSER_ARGO_UP);
}

/* The channels. */

/* 0, or what a call on a channel must not get past. */
static int closed(const struct hawser_argo_link *link)
{
	if (link->fault)
		return -EPIPE;
	return link->state == HAWSER_ARGO_UP ? 0 : -ENOTCONN;
}

int hawser_argo_send(struct hawser_argo_link *link, const void *message,
		     size_t bytes)
{
	int error = closed(link);

	if (error)
		return error;
	if (bytes > link->channel_mtu)
		return -EMSGSIZE;
	if (link->gone || message_cost(bytes) > credit_left(&link->channel_credit))
		return -EAGAIN;
	switch (send_frame(link, HAWSER_ARGO_MESSAGE, message, bytes)) {
	case SENT:
		link->channel_credit.sent += message_cost(bytes);
		link->messages_sent++;
		return 0;
	case FAULT:
		return -EPIPE;
	default:
		return -EAGAIN;
	}
}

int hawser_argo_receive(struct hawser_argo_link *link, void *to, size_t bytes)
{
	u32 length, at, some;

	if (closed(link))
		return -ENOTCONN;
	if (!link->inbox_used)
		return -EAGAIN;
	memcpy(&length, link->inbox + link->inbox_at, sizeof(length));
	if (bytes < length)
		return -EMSGSIZE;
	at = (link->inbox_at + XEN_ARGO_MSG_SLOT_SIZE) % link->inbox_bytes;
	some = min(length, link->inbox_bytes - at);
	memcpy(to, link->inbox + at, some);
	memcpy((u8 *)to + some, link->inbox, length - some);
	link->inbox_at = (link->inbox_at + message_cost(length)) %
			 link->inbox_bytes;
	link->inbox_used -= message_cost(length);
	link->channel_freed += message_cost(length);
	if (channel_credit_is_missed(link))
		tell(link);	/* whoever found it full waits for this */
	return length;
}

int hawser_argo_send_parcel(struct hawser_argo_link *link,
			    const struct hawser_argo_part *parts,
			    unsigned int count)
{
	int error = closed(link);
	u32 bytes = 0;
	unsigned int n;

	if (error)
		return error;
	if (count > XEN_ARGO_MAXIOV)
		return -EMSGSIZE;
	for (n = 0; n < count; n++) {
		if (parts[n].bytes > link->data_mtu - bytes)
			return -EMSGSIZE;
		bytes += parts[n].bytes;
	}
	/* Below, not within: Xen leaves the last slot free. */
	if (link->gone ||
	    hawser_argo_cost(bytes) >= credit_left(&link->data_credit))
		return -EAGAIN;
	switch (outcome(link, hawser_argo_sendv(link->port, link->scratch,
						own_port(link, DATA),
						peer_port(link, DATA),
						link->options.peer, link->own,
						parts, count))) {
	case SENT:
		link->data_credit.sent += hawser_argo_cost(bytes);
		return 0;
	case FAULT:
		return -EPIPE;
	case LOST:
		link->gone = true;
		return -EAGAIN;
	default:
		return -EAGAIN;
	}
}

const struct hawser_argo_message *
hawser_argo_receive_parcel(struct hawser_argo_link *link)
{
	const struct hawser_argo_message *parcel;

	if (closed(link))
		return NULL;
	parcel = hawser_argo_ring_peek(&link->data);
	if (!parcel) {
		if (link->data.broken)
			peer_fault(link, link->data.broken);
		else if (data_credit_is_missed(link))
			tell(link);
		return NULL;
	}
	if (parcel->domain != link->options.peer)
		peer_fault(link, "another domain's parcel is in the peer's ring");
	else if (parcel->type != link->seen)
		peer_fault(link, "a parcel of the peer names another epoch");
	else if (parcel->bytes > link->data_mtu)
		peer_fault(link, "a parcel of the peer is longer than agreed");
	if (link->fault)
		return NULL;
	link->heard_at = now_of(link);
	return parcel;
}

void hawser_argo_release_parcel(struct hawser_argo_link *link)
{
	if (link->state != HAWSER_ARGO_UP || !link->data.current_bytes)
		return;
	hawser_argo_ring_consume(&link->data);
	/* Not for each: a peer that gets a parcel's room at a time is woken
	 * for every parcel.
	 */
	if (data_freed(link) - link->data_told >= link->data.length / 4 &&
	    data_credit_is_missed(link))
		tell(link);
}

void hawser_argo_mark(struct hawser_argo_link *link, u64 marks)
{
	if (link->state != HAWSER_ARGO_UP)
		return;
	link->marks_owed |= marks;
	link->ring_owed = true;
	send_marks(link);
}

u64 hawser_argo_take_marks(struct hawser_argo_link *link)
{
	u64 marks = link->marks;

	link->marks = 0;
	return marks;
}

/* Life. */

static bool whole_pages(u32 bytes)
{
	return bytes && bytes % HAWSER_ARGO_PAGE_BYTES == 0 &&
	       bytes <= XEN_ARGO_MAX_RING_SIZE;
}

const char *hawser_argo_link_init(struct hawser_argo_link *link,
				  const struct hawser_argo_port *port,
				  const struct hawser_argo_options *options,
				  const struct hawser_argo_memory *memory)
{
	if (!whole_pages(options->control_bytes) ||
	    !whole_pages(options->data_bytes))
		return "rings must be whole pages of 4 KiB, of at most 16 MiB";
	if (options->max_parcel < HAWSER_ARGO_MIN_DATA_MTU ||
	    options->max_parcel > XEN_ARGO_MAX_RING_SIZE)
		return "the longest parcel must be of 64 bytes to 16 MiB";
	if (options->number >
	    (U32_MAX - HAWSER_ARGO_FIRST_PORT) / HAWSER_ARGO_PORTS - 1)
		return "there are no Argo ports for a link of that number";
	memset(link, 0, sizeof(*link));
	link->port = port;
	link->options = *options;
	link->scratch = memory->scratch;
	link->inbox = memory->inbox;
	link->inbox_bytes = options->control_bytes / 2;
	link->channel_mtu = HAWSER_ARGO_CHANNEL_MTU;
	hawser_argo_ring_init(&link->control, memory->control,
			      options->control_bytes);
	hawser_argo_ring_init(&link->data, memory->data, options->data_bytes);
	link->data_mtu = own_data_mtu(link);
	return NULL;
}

void hawser_argo_fail(struct hawser_argo_link *link, const char *why)
{
	peer_fault(link, why);
}

void hawser_argo_reset(struct hawser_argo_link *link)
{
	link->fault = NULL;
	link->have_hello = false;
	close_session(link);
}

bool hawser_argo_leave(struct hawser_argo_link *link)
{
	end_session(link);
	hawser_argo_reset(link);
	return !link->exposed[CONTROL] && !link->exposed[DATA];
}
