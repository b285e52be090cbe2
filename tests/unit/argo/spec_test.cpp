// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// spec.hpp against Xen's own headers.
#include <hawser/argo/hypercall_arm64.hpp>
#include <hawser/argo/hypercall_x86_64.hpp>
#include <hawser/argo/port.hpp>
#include <hawser/argo/spec.hpp>

#include <doctest/doctest.h>

#include <cstddef>

namespace theirs {
// The macros of these headers have the names of our constants, so what is wanted of them is kept here.
#include <xen/argo.h>
#include <xen/xen.h>

constexpr auto kOp = __HYPERVISOR_argo_op;
constexpr auto kVirq = VIRQ_ARGO;
constexpr auto kAny = XEN_ARGO_DOMID_ANY;
constexpr auto kMaxIov = XEN_ARGO_MAXIOV;
constexpr auto kSlot = XEN_ARGO_MSG_SLOT_SIZE;
constexpr auto kMaxRing = XEN_ARGO_MAX_RING_SIZE;
constexpr auto kFailExist = XEN_ARGO_REGISTER_FLAG_FAIL_EXIST;
constexpr unsigned kFlags[] = {XEN_ARGO_RING_EXISTS,     XEN_ARGO_RING_SHARED,   XEN_ARGO_RING_EMPTY,
                               XEN_ARGO_RING_SUFFICIENT, XEN_ARGO_RING_EMSGSIZE, XEN_ARGO_RING_EBUSY};
constexpr unsigned kCommands[] = {XEN_ARGO_OP_register_ring, XEN_ARGO_OP_unregister_ring, XEN_ARGO_OP_sendv,
                                  XEN_ARGO_OP_notify};
}  // namespace theirs
#undef XEN_ARGO_DOMID_ANY
#undef XEN_ARGO_MAXIOV
#undef XEN_ARGO_MSG_SLOT_SIZE
#undef XEN_ARGO_MAX_RING_SIZE
#undef XEN_ARGO_REGISTER_FLAG_FAIL_EXIST
#undef XEN_ARGO_RING_EXISTS
#undef XEN_ARGO_RING_SHARED
#undef XEN_ARGO_RING_EMPTY
#undef XEN_ARGO_RING_SUFFICIENT
#undef XEN_ARGO_RING_EMSGSIZE
#undef XEN_ARGO_RING_EBUSY

namespace hawser::argo {

TEST_CASE("numbers are those of Xen's headers") {
  CHECK(XEN_HYPERCALL_ARGO_OP == theirs::kOp);
  CHECK(XEN_VIRQ_ARGO == theirs::kVirq);
  CHECK(XEN_ARGO_DOMID_ANY == theirs::kAny);
  CHECK(XEN_ARGO_MAXIOV == theirs::kMaxIov);
  CHECK(XEN_ARGO_MSG_SLOT_SIZE == theirs::kSlot);
  CHECK(XEN_ARGO_MAX_RING_SIZE == theirs::kMaxRing);
  CHECK(XEN_ARGO_REGISTER_FLAG_FAIL_EXIST == theirs::kFailExist);
  const unsigned flags[] = {XEN_ARGO_RING_EXISTS,     XEN_ARGO_RING_SHARED,   XEN_ARGO_RING_EMPTY,
                            XEN_ARGO_RING_SUFFICIENT, XEN_ARGO_RING_EMSGSIZE, XEN_ARGO_RING_EBUSY};
  for (std::size_t i = 0; i < std::size(flags); ++i) CHECK(flags[i] == theirs::kFlags[i]);
  const Command commands[] = {Command::kRegisterRing, Command::kUnregisterRing, Command::kSendv,
                              Command::kNotify};
  for (std::size_t i = 0; i < std::size(commands); ++i) {
    CHECK(static_cast<unsigned>(commands[i]) == theirs::kCommands[i]);
  }
}

// Sizes of structs that end in an array of unknown length are where that array begins.
#define SAME_SIZE(ours, their) CHECK(sizeof(wire::ours) == sizeof(theirs::their))
#define SAME_PLACE(ours, our_field, their, their_field)                           \
  CHECK(offsetof(wire::ours, our_field) == offsetof(theirs::their, their_field)); \
  CHECK(sizeof(wire::ours::our_field) == sizeof(theirs::their::their_field))

TEST_CASE("structs lie as those of Xen's headers") {
  SAME_SIZE(Address, xen_argo_addr);
  SAME_PLACE(Address, aport, xen_argo_addr, aport);
  SAME_PLACE(Address, domain_id, xen_argo_addr, domain_id);
  SAME_PLACE(Address, pad, xen_argo_addr, pad);
  SAME_SIZE(SendAddress, xen_argo_send_addr);
  SAME_PLACE(SendAddress, src, xen_argo_send_addr, src);
  SAME_PLACE(SendAddress, dst, xen_argo_send_addr, dst);
  SAME_SIZE(Iov, xen_argo_iov);
  SAME_PLACE(Iov, iov_hnd, xen_argo_iov, iov_hnd);
  SAME_PLACE(Iov, iov_len, xen_argo_iov, iov_len);
  SAME_PLACE(Iov, pad, xen_argo_iov, pad);
  SAME_SIZE(RegisterRing, xen_argo_register_ring);
  SAME_PLACE(RegisterRing, aport, xen_argo_register_ring, aport);
  SAME_PLACE(RegisterRing, partner_id, xen_argo_register_ring, partner_id);
  SAME_PLACE(RegisterRing, pad, xen_argo_register_ring, pad);
  SAME_PLACE(RegisterRing, len, xen_argo_register_ring, len);
  SAME_SIZE(UnregisterRing, xen_argo_unregister_ring);
  SAME_PLACE(UnregisterRing, aport, xen_argo_unregister_ring, aport);
  SAME_PLACE(UnregisterRing, partner_id, xen_argo_unregister_ring, partner_id);
  CHECK(sizeof(wire::RingHeader) == offsetof(theirs::xen_argo_ring, ring));
  SAME_PLACE(RingHeader, rx_ptr, xen_argo_ring, rx_ptr);
  SAME_PLACE(RingHeader, tx_ptr, xen_argo_ring, tx_ptr);
  CHECK(sizeof(wire::MessageHeader) == offsetof(theirs::xen_argo_ring_message_header, data));
  SAME_PLACE(MessageHeader, len, xen_argo_ring_message_header, len);
  SAME_PLACE(MessageHeader, source, xen_argo_ring_message_header, source);
  SAME_PLACE(MessageHeader, message_type, xen_argo_ring_message_header, message_type);
  SAME_SIZE(RingDataEntry, xen_argo_ring_data_ent);
  SAME_PLACE(RingDataEntry, flags, xen_argo_ring_data_ent, flags);
  SAME_PLACE(RingDataEntry, space_required, xen_argo_ring_data_ent, space_required);
  SAME_PLACE(RingDataEntry, max_message_size, xen_argo_ring_data_ent, max_message_size);
  SAME_PLACE(RingData, nent, xen_argo_ring_data, nent);
  CHECK(offsetof(wire::RingData, data) == offsetof(theirs::xen_argo_ring_data, data));
}

#if defined(__aarch64__)
TEST_CASE("the hypercall instruction carries Xen's tag") {
  CHECK(arm64::kHypercallTag == XEN_HYPERCALL_TAG);
}
#endif

}  // namespace hawser::argo
