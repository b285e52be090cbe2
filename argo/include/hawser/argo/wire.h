/* SPDX-FileCopyrightText: 2026 The Hawser authors */
/* SPDX-License-Identifier: MIT */

/*
 * The bytes of Argo, for C and C++ (which sees them through spec.hpp and frames.hpp): first Xen's interface (xen/argo.h,
 * xen/xen.h) as this project declares it, then what two ends of a link say to one another. docs/wire/argo-bus.md is the
 * prose of the second.
 */
#pragma once

#include <hawser/transport/wire_types.h>

#ifdef __cplusplus
namespace hawser::argo {
#endif

HAWSER_WIRE_CONSTANT(hawser_u32, XEN_HYPERCALL_ARGO_OP, 39); /* __HYPERVISOR_argo_op */
HAWSER_WIRE_CONSTANT(hawser_u32, XEN_VIRQ_ARGO, 11);

HAWSER_WIRE_CONSTANT(hawser_u32, XEN_ARGO_OP_REGISTER_RING, 1);
HAWSER_WIRE_CONSTANT(hawser_u32, XEN_ARGO_OP_UNREGISTER_RING, 2);
HAWSER_WIRE_CONSTANT(hawser_u32, XEN_ARGO_OP_SENDV, 3);
HAWSER_WIRE_CONSTANT(hawser_u32, XEN_ARGO_OP_NOTIFY, 4);

HAWSER_WIRE_CONSTANT(hawser_u16, XEN_ARGO_DOMID_ANY, 0x7ff4);
HAWSER_WIRE_CONSTANT(hawser_size, XEN_ARGO_MAXIOV, 8);
HAWSER_WIRE_CONSTANT(hawser_u32, XEN_ARGO_MSG_SLOT_SIZE, 16);
HAWSER_WIRE_CONSTANT(hawser_u32, XEN_ARGO_MAX_RING_SIZE, 0x1000000);
HAWSER_WIRE_CONSTANT(hawser_u32, XEN_ARGO_REGISTER_FLAG_FAIL_EXIST, 1);

HAWSER_WIRE_CONSTANT(hawser_u16, XEN_ARGO_RING_EXISTS, 1);
HAWSER_WIRE_CONSTANT(hawser_u16, XEN_ARGO_RING_SHARED, 2);
HAWSER_WIRE_CONSTANT(hawser_u16, XEN_ARGO_RING_EMPTY, 4);
HAWSER_WIRE_CONSTANT(hawser_u16, XEN_ARGO_RING_SUFFICIENT, 8);
HAWSER_WIRE_CONSTANT(hawser_u16, XEN_ARGO_RING_EMSGSIZE, 16);
HAWSER_WIRE_CONSTANT(hawser_u16, XEN_ARGO_RING_EBUSY, 32);

HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_PAGE_BYTES, 4096); /* whatever pages the guest itself has */

#ifdef __cplusplus
namespace wire {
#endif

struct hawser_argo_address { /* xen_argo_addr */
  hawser_le32 aport;
  hawser_le16 domain_id;
  hawser_le16 pad;
};
HAWSER_WIRE_SIZE(hawser_argo_address, 8);
HAWSER_WIRE_OFFSET(hawser_argo_address, domain_id, 4);

struct hawser_argo_send_address { /* xen_argo_send_addr */
  struct hawser_argo_address src;
  struct hawser_argo_address dst;
};
HAWSER_WIRE_SIZE(hawser_argo_send_address, 16);

struct hawser_argo_iov { /* xen_argo_iov */
  hawser_le64 iov_hnd;
  hawser_le32 iov_len;
  hawser_le32 pad;
};
HAWSER_WIRE_SIZE(hawser_argo_iov, 16);
HAWSER_WIRE_OFFSET(hawser_argo_iov, iov_len, 8);

struct hawser_argo_register_ring { /* xen_argo_register_ring */
  hawser_le32 aport;
  hawser_le16 partner_id;
  hawser_le16 pad;
  hawser_le32 len;
};
HAWSER_WIRE_SIZE(hawser_argo_register_ring, 12);
HAWSER_WIRE_OFFSET(hawser_argo_register_ring, len, 8);

struct hawser_argo_unregister_ring { /* xen_argo_unregister_ring */
  hawser_le32 aport;
  hawser_le16 partner_id;
  hawser_le16 pad;
};
HAWSER_WIRE_SIZE(hawser_argo_unregister_ring, 8);

struct hawser_argo_ring_header { /* xen_argo_ring, in front of the ring's bytes */
  hawser_le32 rx_ptr;
  hawser_le32 tx_ptr;
  hawser_u8 reserved[56];
};
HAWSER_WIRE_SIZE(hawser_argo_ring_header, 64);
HAWSER_WIRE_OFFSET(hawser_argo_ring_header, tx_ptr, 4);

struct hawser_argo_message_header { /* xen_argo_ring_message_header; len includes these 16 bytes */
  hawser_le32 len;
  struct hawser_argo_address source;
  hawser_le32 message_type;
};
HAWSER_WIRE_SIZE(hawser_argo_message_header, 16);
HAWSER_WIRE_OFFSET(hawser_argo_message_header, message_type, 12);

struct hawser_argo_ring_data_entry { /* xen_argo_ring_data_ent */
  struct hawser_argo_address ring;
  hawser_le16 flags;
  hawser_le16 pad;
  hawser_le32 space_required;
  hawser_le32 max_message_size;
};
HAWSER_WIRE_SIZE(hawser_argo_ring_data_entry, 20);
HAWSER_WIRE_OFFSET(hawser_argo_ring_data_entry, max_message_size, 16);

struct hawser_argo_ring_data { /* xen_argo_ring_data with one entry */
  hawser_le32 nent;
  hawser_le32 pad;
  struct hawser_argo_ring_data_entry data;
};
HAWSER_WIRE_SIZE(hawser_argo_ring_data, 28);
HAWSER_WIRE_OFFSET(hawser_argo_ring_data, data, 8);

#ifdef __cplusplus
}  // namespace wire
#endif

/* The link. Four ports for each, named after the end that receives there: device control, device data, driver ... */
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_FIRST_PORT, 0x48570000);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_PORTS, 4);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_PORT_DRIVER, 2); /* added for the driver end's rings */
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_PORT_DATA, 1);   /* added for rings of parcels */

/* Message types on a control ring. On a data ring the type is the sender's epoch. */
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_HELLO, 0x48570001);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_MESSAGE, 0x48570002);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_MARKS, 0x48570003);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_CREDIT, 0x48570004);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_BEAT, 0x48570005);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_BYE, 0x48570006);

HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_VERSION, 1);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_MIN_CHANNEL_MTU, 64);
HAWSER_WIRE_CONSTANT(hawser_u32, HAWSER_ARGO_MIN_DATA_MTU, 64);

#ifdef __cplusplus
namespace wire {
#endif

/* In front of every frame. */
struct hawser_argo_frame_header {
  hawser_le32 from; /* The sender's epoch, not 0. */
  hawser_le32 to;   /* The receiver's epoch as the sender knows it; 0: not known. */
  hawser_le32
      channel_freed; /* What the sender freed of its window for channel messages since `from` met `to`. */
  hawser_le32 data_freed; /* The same of its data ring. Both count bytes as they lie in the ring, and wrap. */
};
HAWSER_WIRE_SIZE(hawser_argo_frame_header, 16);
HAWSER_WIRE_OFFSET(hawser_argo_frame_header, data_freed, 12);

struct hawser_argo_hello {
  hawser_le32 version;        /* The highest that the sender speaks; both speak the lower one. */
  hawser_le32 channel_window; /* Bytes of channel messages that the sender takes without having freed any. */
  hawser_le32 channel_mtu;    /* Longest channel message it sends or takes. */
  hawser_le32 data_window;    /* Length of its data ring. */
  hawser_le32 data_mtu;       /* Longest parcel it sends or takes. */
  hawser_le32 reserved[3];    /* 0; ignored. */
};
HAWSER_WIRE_SIZE(hawser_argo_hello, 32);
HAWSER_WIRE_OFFSET(hawser_argo_hello, data_mtu, 16);

struct hawser_argo_marks {
  hawser_le64 marks; /* Bit n: mark n was rung. None: a ring without a mark. */
};
HAWSER_WIRE_SIZE(hawser_argo_marks, 8);

#ifdef __cplusplus
}  // namespace wire
}  // namespace hawser::argo
#endif
