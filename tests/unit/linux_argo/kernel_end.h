/* SPDX-FileCopyrightText: 2026 The Hawser authors */
/* SPDX-License-Identifier: MIT */

/* hawser.ko and hawser_argo.ko's end above it, behind a door that C++ can open. */
#pragma once

#include "kernel_link.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kernel_end;

/* With its bus. NULL: no memory. Takes what it needs of the port's memory. */
struct kernel_end* kernel_end_new(const struct kernel_port* port, const struct kernel_link_options* options,
                                  void* memory, size_t bytes);
/* As when the module is unloaded. */
void kernel_end_free(struct kernel_end* end);

/* VIRQ_ARGO came. */
void kernel_end_signal(struct kernel_end* end);
/* What is due of the end's own, and nothing else: for whoever waits. */
void kernel_end_pump(struct kernel_end* end);

/* One run each of the tasklet and of the work item, due or not. */
void kernel_end_turn(struct kernel_end* end);
/* Bytes of messages that the bus has not been given. */
uint32_t kernel_end_inbox(const struct kernel_end* end);

int kernel_end_state(const struct kernel_end* end);
const char* kernel_end_fault(const struct kernel_end* end);
void kernel_end_forgive(struct kernel_end* end);
uint64_t kernel_end_parcels_sent(const struct kernel_end* end);
uint64_t kernel_end_bytes_staged(const struct kernel_end* end);

#ifdef __cplusplus
}
#endif
