/* SPDX-FileCopyrightText: 2026 The Hawser authors */
/* SPDX-License-Identifier: MIT */

/* The kernel module's end of a link over Argo, behind a door that C++ can open: its own headers are C. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kernel_link;

struct kernel_part {
  const void* at;
  uint32_t bytes;
};

/* Who carries out hypercalls. */
struct kernel_port {
  void* context;
  int64_t (*call)(void* context, uint32_t op, void* arg1, void* arg2, uint32_t arg3, uint32_t arg4);
  uint64_t (*frame)(void* context, const void* at);
  uint64_t (*now)(void* context);
};

struct kernel_link_options {
  bool driver;
  uint16_t peer;
  uint32_t number;
  uint32_t control_bytes;
  uint32_t data_bytes;
  uint32_t max_parcel;
  uint64_t silence_ns;
  uint32_t noise;
};

/* NULL: *why says why. Takes what it needs of memory, which it reports in *used. */
struct kernel_link* kernel_link_new(const struct kernel_port* port, const struct kernel_link_options* options,
                                    void* memory, size_t bytes, size_t* used, const char** why);
void kernel_link_free(struct kernel_link* link);

enum {
  KERNEL_DOWN,
  KERNEL_UP,
  KERNEL_BROKEN
};
enum {
  KERNEL_NOTHING,
  KERNEL_WENT_UP,
  KERNEL_WENT_DOWN,
  KERNEL_BROKE
};

int kernel_link_poll(struct kernel_link* link);
uint64_t kernel_link_due(const struct kernel_link* link);
bool kernel_link_look(struct kernel_link* link);
void kernel_link_settle(struct kernel_link* link);
int kernel_link_state(const struct kernel_link* link);
uint32_t kernel_link_own(const struct kernel_link* link);
uint32_t kernel_link_seen(const struct kernel_link* link);
const char* kernel_link_fault(const struct kernel_link* link, bool* by_peer);
bool kernel_link_session(const struct kernel_link* link);
uint32_t kernel_link_channel_mtu(const struct kernel_link* link);
uint32_t kernel_link_data_mtu(const struct kernel_link* link);
int kernel_link_send(struct kernel_link* link, const void* message, size_t bytes);
int kernel_link_receive(struct kernel_link* link, void* to, size_t bytes);
int kernel_link_send_parcel(struct kernel_link* link, const struct kernel_part* parts, unsigned count);
/* Number of parts, 0: none. They lie there until released. */
int kernel_link_receive_parcel(struct kernel_link* link, struct kernel_part parts[2]);
void kernel_link_release_parcel(struct kernel_link* link);
void kernel_link_mark(struct kernel_link* link, uint64_t marks);
uint64_t kernel_link_take_marks(struct kernel_link* link);
void kernel_link_reset(struct kernel_link* link);
/* False: Xen may write to the memory still. */
bool kernel_link_leave(struct kernel_link* link);

#ifdef __cplusplus
}
#endif
