/* SPDX-FileCopyrightText: 2026 The Hawser authors */
/* SPDX-License-Identifier: MIT */

/* See kernel_link.h. */
#include "kernel_link.h"

#include <stdlib.h>

#include "argo.h"

struct kernel_link {
  struct hawser_argo_port port;
  struct kernel_port calls;
  struct hawser_argo_link link;
};

static const struct kernel_port* calls_of(const struct hawser_argo_port* port) {
  return &((const struct kernel_link*)((const char*)port - offsetof(struct kernel_link, port)))->calls;
}

static s64 call(const struct hawser_argo_port* port, u32 op, void* arg1, void* arg2, u32 arg3, u32 arg4) {
  const struct kernel_port* calls = calls_of(port);
  return calls->call(calls->context, op, arg1, arg2, arg3, arg4);
}

static u64 frame(const struct hawser_argo_port* port, const void* at) {
  return calls_of(port)->frame(calls_of(port)->context, at);
}

static u64 now(const struct hawser_argo_port* port) {
  return calls_of(port)->now(calls_of(port)->context);
}

struct kernel_link* kernel_link_new(const struct kernel_port* port, const struct kernel_link_options* options,
                                    void* memory, size_t bytes, size_t* used, const char** why) {
  struct hawser_argo_options o = {
      .driver = options->driver,
      .peer = options->peer,
      .number = options->number,
      .control_bytes = options->control_bytes,
      .data_bytes = options->data_bytes,
      .max_parcel = options->max_parcel,
      .silence = options->silence_ns,
      .noise = options->noise,
  };
  char* at = memory;
  struct hawser_argo_memory m = {
      .control = at,
      .data = at + o.control_bytes,
      .inbox = at + o.control_bytes + o.data_bytes,
      .scratch = (void*)(at + o.control_bytes + o.data_bytes + o.control_bytes / 2),
  };
  struct kernel_link* link = calloc(1, sizeof(*link));

  *used = (size_t)((char*)m.scratch - at) + sizeof(*m.scratch) + o.data_bytes / HAWSER_ARGO_PAGE_BYTES * 8;
  *why = "the link was given too little memory";
  if (!link || *used > bytes) goto failed;
  link->port = (struct hawser_argo_port){.call = call, .frame = frame, .now = now};
  link->calls = *port;
  *why = hawser_argo_link_init(&link->link, &link->port, &o, &m);
  if (!*why) return link;
failed:
  free(link);
  return NULL;
}

void kernel_link_free(struct kernel_link* link) {
  free(link);
}

int kernel_link_poll(struct kernel_link* link) {
  return hawser_argo_poll(&link->link);
}
uint64_t kernel_link_due(const struct kernel_link* link) {
  return hawser_argo_due(&link->link);
}
bool kernel_link_look(struct kernel_link* link) {
  return hawser_argo_look(&link->link);
}
void kernel_link_settle(struct kernel_link* link) {
  hawser_argo_settle(&link->link);
}
int kernel_link_state(const struct kernel_link* link) {
  return link->link.state;
}
uint32_t kernel_link_own(const struct kernel_link* link) {
  return link->link.own;
}
uint32_t kernel_link_seen(const struct kernel_link* link) {
  return link->link.seen;
}
const char* kernel_link_fault(const struct kernel_link* link, bool* by_peer) {
  *by_peer = link->link.fault_by_peer;
  return link->link.fault;
}
bool kernel_link_session(const struct kernel_link* link) {
  return link->link.session;
}
uint32_t kernel_link_channel_mtu(const struct kernel_link* link) {
  return link->link.channel_mtu;
}
uint32_t kernel_link_data_mtu(const struct kernel_link* link) {
  return link->link.data_mtu;
}
int kernel_link_send(struct kernel_link* link, const void* message, size_t bytes) {
  return hawser_argo_send(&link->link, message, bytes);
}
int kernel_link_receive(struct kernel_link* link, void* to, size_t bytes) {
  return hawser_argo_receive(&link->link, to, bytes);
}

int kernel_link_send_parcel(struct kernel_link* link, const struct kernel_part* parts, unsigned count) {
  struct hawser_argo_part p[XEN_ARGO_MAXIOV];
  unsigned n;

  if (count > XEN_ARGO_MAXIOV) return -90;
  for (n = 0; n < count; n++) p[n] = (struct hawser_argo_part){parts[n].at, parts[n].bytes};
  return hawser_argo_send_parcel(&link->link, p, count);
}

int kernel_link_receive_parcel(struct kernel_link* link, struct kernel_part parts[2]) {
  const struct hawser_argo_message* parcel = hawser_argo_receive_parcel(&link->link);
  int n;

  if (!parcel) return 0;
  for (n = 0; n < 2; n++) parts[n] = (struct kernel_part){parcel->part[n].at, parcel->part[n].bytes};
  return 2;
}

void kernel_link_release_parcel(struct kernel_link* link) {
  hawser_argo_release_parcel(&link->link);
}
void kernel_link_mark(struct kernel_link* link, uint64_t marks) {
  hawser_argo_mark(&link->link, marks);
}
uint64_t kernel_link_take_marks(struct kernel_link* link) {
  return hawser_argo_take_marks(&link->link);
}
void kernel_link_reset(struct kernel_link* link) {
  hawser_argo_reset(&link->link);
}
bool kernel_link_leave(struct kernel_link* link) {
  return hawser_argo_leave(&link->link);
}
