/* SPDX-FileCopyrightText: 2026 The Hawser authors */
/* SPDX-License-Identifier: MIT */

/* See kernel_end.h. */
#include "kernel_end.h"

#include <stub/kernel.h>

#include "argo_end.h"

struct kernel_end {
  struct hawser_argo_port port;
  struct kernel_port calls;
  struct device dev;
  struct hawser_argo argo;
};

static const struct kernel_port* calls_of(const struct hawser_argo_port* port) {
  return &container_of(port, struct kernel_end, port)->calls;
}

static s64 call(const struct hawser_argo_port* port, u32 op, void* arg1, void* arg2, u32 arg3, u32 arg4) {
  return calls_of(port)->call(calls_of(port)->context, op, arg1, arg2, arg3, arg4);
}

static u64 frame(const struct hawser_argo_port* port, const void* at) {
  return calls_of(port)->frame(calls_of(port)->context, at);
}

static u64 now(const struct hawser_argo_port* port) {
  (void)port;
  return ktime_get_ns();
}

struct kernel_end* kernel_end_new(const struct kernel_port* port, const struct kernel_link_options* options,
                                  void* memory, size_t bytes) {
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
  struct kernel_end* end = calloc(1, sizeof(*end));

  if (!end || bytes < hawser_argo_rings_bytes(&o)) abort();
  end->port = (struct hawser_argo_port){.call = call, .frame = frame, .now = now};
  end->calls = *port;
  if (hawser_argo_make(&end->argo, &end->dev, &end->port, &o, memory) || hawser_bus_attach(&end->argo.link)) {
    hawser_argo_unmake(&end->argo);
    free(end);
    return NULL;
  }
  hawser_argo_start(&end->argo);
  return end;
}

void kernel_end_free(struct kernel_end* end) {
  hawser_bus_unplug(&end->argo.link);
  hawser_argo_stop(&end->argo);
  hawser_argo_quiet(&end->argo);
  hawser_bus_detach(&end->argo.link);
  hawser_argo_unmake(&end->argo);
  free(end);
}

void kernel_end_signal(struct kernel_end* end) {
  hawser_argo_signaled(&end->argo);
}

void kernel_end_pump(struct kernel_end* end) {
  struct hawser_argo* a = &end->argo;

  for (;;) {
    if (a->bh.pending) {
      tasklet_kill(&a->bh);
      a->bh.function(&a->bh);
    } else if (a->work.work.pending && a->argo.state == HAWSER_ARGO_UP && !a->argo.gone && !a->argo.fault) {
      /* What ends the link waits for whoever waits, as its mutex would make it. */
      cancel_work_sync(&a->work.work);
      a->work.work.function(&a->work.work);
    } else {
      return;
    }
  }
}

void kernel_end_turn(struct kernel_end* end) {
  struct hawser_argo* a = &end->argo;

  tasklet_kill(&a->bh);
  a->bh.function(&a->bh);
  cancel_delayed_work_sync(&a->work);
  a->work.work.function(&a->work.work);
}
uint32_t kernel_end_inbox(const struct kernel_end* end) {
  return end->argo.argo.inbox_used;
}

int kernel_end_state(const struct kernel_end* end) {
  return end->argo.argo.state;
}
const char* kernel_end_fault(const struct kernel_end* end) {
  return end->argo.argo.fault ? end->argo.argo.fault : "";
}
void kernel_end_forgive(struct kernel_end* end) {
  hawser_argo_forgive(&end->argo);
}
uint64_t kernel_end_parcels_sent(const struct kernel_end* end) {
  return end->argo.courier->parcels_sent;
}
uint64_t kernel_end_bytes_staged(const struct kernel_end* end) {
  return end->argo.courier->bytes_staged;
}
