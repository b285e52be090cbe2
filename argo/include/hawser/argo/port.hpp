// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The seam between Argo and whoever carries out its hypercalls: Xen on arm64 or x86_64, Linux's privcmd, or the broker.
// Everything above it is common.
#pragma once

#include <hawser/argo/wire.h>

#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::argo {

/// xen/argo.h: XEN_ARGO_OP_*.
enum class Command : std::uint32_t {
  kRegisterRing = XEN_ARGO_OP_REGISTER_RING,
  kUnregisterRing = XEN_ARGO_OP_UNREGISTER_RING,
  kSendv = XEN_ARGO_OP_SENDV,
  kNotify = XEN_ARGO_OP_NOTIFY,
};

/// One domain's access to Argo. One thread.
///
/// memory()            page-aligned; all that hypercalls may be given: rings, arguments, payload. The same span for the
///                     life of the port. What stands in there belongs to this domain alone.
/// frame(page)         the guest frame number (4 KiB) of a page in memory().
/// hypercall(...)      HYPERVISOR_argo_op; the raw result as the register holds it. Xen zero-extends some errors:
///                     use result_of().
/// take_signal()       whether VIRQ_ARGO came since the last call. One for the whole domain; a hint, never a count.
/// wait(until)         sleeps until VIRQ_ARGO, the deadline, or cancellation. A signal that came after the last wait()
///                     returned is never lost, so "look, find nothing, wait" needs no arming. Spurious returns are legal.
/// now()               monotonic.
template <class P>
concept Port = requires(P& port, const P& cport, Command command, void* argument, std::uint32_t number,
                        const std::byte* page, Instant until) {
  { cport.memory() } -> std::same_as<std::span<std::byte>>;
  { cport.frame(page) } -> std::same_as<std::uint64_t>;
  { port.hypercall(command, argument, argument, number, number) } -> std::same_as<std::int64_t>;
  { port.take_signal() } -> std::same_as<bool>;
  { port.wait(until) } -> std::same_as<Wake>;
  { cport.now() } -> std::same_as<Instant>;
};

/// Xen 4.17's sendv gives errors zero-extended (common/argo.c, sendv's last expression): only 32 bits count.
constexpr std::int32_t result_of(std::int64_t raw) {
  return static_cast<std::int32_t>(raw);
}

}  // namespace hawser::argo
